/**
 * Preloaded into a hub: kills it, as `kill -9` does, as soon as it has begun to remove so many objects; `?count=` of
 * this module's address says how many.
 */
const { remove } = Deno;
let left = Number(new URL(import.meta.url).searchParams.get("count"));

Deno.remove = (path, options) => {
  const removed = remove(path, options);
  if (String(path).includes("/objects/") && --left === 0) Deno.kill(Deno.pid, "SIGKILL");
  return removed;
};
