/** How long tests wait for what must happen, in ms: far longer than it takes on the slowest machine. */
export const patienceMs = 180_000;

/** Waits until `holds` does; fails when it never does, saying `what` it waited for. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  options: { readonly what?: string; readonly patienceMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + (options.patienceMs ?? patienceMs);
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${options.what ?? holds}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
  }
}
