/**
 * The topics of changes. An integration's own topic is its id: its settings, its link, requests to its agent. Only that
 * one wakes the agent.
 */

/** Topic of arrivals and loads of an integration, which its agent need not be told. */
export function importsTopic(integrationId: string): string {
  return `${integrationId}/imports`;
}

/** Topic of an installation's status reports. */
export function statusTopic(integrationId: string): string {
  return `${integrationId}/status`;
}
