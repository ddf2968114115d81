/**
 * A plugin for `deno lint`: which folder of `src/` may import which. The arrows of ARCHITECTURE.md, kept true.
 */

/** Folder → the folders it may import besides itself. `agent/ports` stands for that one file. */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  agent: ["protocol", "runtime", "source", "extractor/messages"],
  cloud: ["protocol", "runtime", "agent/ports"],
  config: ["runtime"],
  control: ["protocol", "runtime", "agent/ports"],
  database: ["protocol", "runtime"],
  durable: ["runtime"],
  egress: ["runtime", "protocol", "control/check_line"],
  extractor: ["protocol", "runtime", "agent/ports", "database", "odbc", "source", "durable", "spool/incoming_writer"],
  hub: [
    "protocol",
    "runtime",
    "durable",
    "source/columns",
    "source/dialect",
    "source/query_check",
    "source/time_zone",
    "database/csv_buffer",
    "database/parse_time",
  ],
  log: ["runtime"],
  odbc: ["runtime", "database"],
  protocol: [],
  runtime: [],
  service: ["runtime"],
  source: ["protocol", "runtime", "agent/ports", "database"],
  spool: ["protocol", "runtime", "durable", "state", "agent/ports"],
  state: ["protocol", "runtime", "durable", "source/read_state"],
};

/**
 * Why `from` may not import `to` (both paths below `src/`), or `undefined` when it may.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../assert.ts";
 * assertEquals(forbiddenImport("agent/agent.ts", "protocol/linking.ts"), undefined);
 * assertEquals(forbiddenImport("protocol/a.ts", "hub/b.ts"), 'protocol/ must not import hub/');
 * ```
 */
export function forbiddenImport(from: string, to: string): string | undefined {
  const [fromFolder, toFolder] = [from.split("/")[0] ?? "", to.split("/")[0] ?? ""];
  const allowed = allowedImports[fromFolder];
  if (allowed === undefined || fromFolder === toFolder) return undefined; // cli/ and main.ts tie things together
  const target = to.replace(/\.tsx?$/, "");
  return allowed.some((entry) => entry === toFolder || entry === target)
    ? undefined
    : `${fromFolder}/ must not import ${entryName(allowed, toFolder, target)}`;
}

function entryName(allowed: readonly string[], folder: string, target: string): string {
  return allowed.some((entry) => entry.startsWith(`${folder}/`)) ? target : `${folder}/`;
}

const plugin: Deno.lint.Plugin = {
  name: "architecture",
  rules: {
    "allowed-imports": {
      create(context) {
        const from = /\/src\/(.+)$/.exec(context.filename.replaceAll("\\", "/"))?.[1];
        if (from === undefined) return {};
        const check = (node: Deno.lint.Node, specifier: unknown) => {
          if (typeof specifier !== "string" || !specifier.startsWith(".")) return;
          const resolved = new URL(specifier, `file:///src/${from}`).pathname;
          if (!resolved.startsWith("/src/")) return;
          const message = forbiddenImport(from, resolved.slice("/src/".length));
          if (message !== undefined) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source.value),
          ExportNamedDeclaration: (node) => check(node, node.source?.value),
          ExportAllDeclaration: (node) => check(node, node.source.value),
        };
      },
    },
  },
};
export default plugin;
