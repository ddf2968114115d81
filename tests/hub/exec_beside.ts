import { DatabaseSync } from "node:sqlite";
import { errorText } from "../../src/runtime/error_text.ts";

/**
 * Executes SQL on a database file of a hub that runs in this process. A busy timeout would not do: SQLite waits in this
 * thread, for which the hub's worker waits with its transaction open.
 */
export async function execBeside(file: string, sql: string): Promise<void> {
  using database = new DatabaseSync(file, { timeout: 0 });
  for (let attempt = 1;; attempt++) {
    try {
      return database.exec(sql);
    } catch (error) {
      if (attempt === 500 || !errorText(error).includes("database is locked")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
