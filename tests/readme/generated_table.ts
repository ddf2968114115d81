/** Tables of the README that tasks write, each between two markers. */
import { join } from "node:path";
import { projectFolder } from "../setup/executable.ts";

/** Replaces the README's table of that name. Whoever ends the task meanwhile leaves the README whole. */
export async function writeReadmeTable(name: string, table: string): Promise<void> {
  const path = join(projectFolder, "README.md");
  await Deno.writeTextFile(`${path}.new`, withTable(await Deno.readTextFile(path), { name, table }));
  await Deno.rename(`${path}.new`, path);
}

/** The text with another table between the markers `<!-- name -->` and `<!-- /name -->`. */
export function withTable(text: string, { name, table }: { name: string; table: string }): string {
  const marker = { begin: `<!-- ${name} -->`, end: `<!-- /${name} -->` };
  const [from, to] = [text.indexOf(marker.begin), text.indexOf(marker.end)];
  if (from < 0 || to < from) throw new Error(`Cannot write the table: there is no ${marker.begin} … ${marker.end}`);
  return `${text.slice(0, from)}${marker.begin}\n\n${table}\n\n${text.slice(to)}`;
}

/** Markdown as `deno fmt` has it: a head and rows, the first column to the left, all others to the right. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)
    );
    return `| ${cells.join(" | ")} |`;
  };
  const [head = [], ...body] = rows;
  const rule = widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...body.map(line)].join("\n");
}
