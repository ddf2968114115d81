/** The extractor as the hidden command starts it, for tests that run from source. */
import { runExtractor } from "../../src/extractor/child.ts";

Deno.exit(await runExtractor());
