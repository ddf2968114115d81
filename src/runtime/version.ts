/** The program's own version, from `deno.json`. */
import manifest from "../../deno.json" with { type: "json" };

/** Semantic version of this build. */
export const version: string = manifest.version;
/** The program's name, and the executable's. */
export const programName = "injixo-cloud-link";
