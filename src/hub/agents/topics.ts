/**
 * What changes are about. An integration's own topic is its id: its settings, its link, what is asked of its agent. The
 * agent is woken by that one only.
 */

/** Topic of what has arrived for an integration and was loaded: its agent knows that already. */
export function importsTopic(integrationId: string): string {
  return `${integrationId}/imports`;
}

/** Topic of what an installation reports of itself. */
export function statusTopic(integrationId: string): string {
  return `${integrationId}/status`;
}
