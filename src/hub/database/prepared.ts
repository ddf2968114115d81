/** Queries that are asked so often that making their text each time is what they cost most. */
import type { CompiledQuery, Kysely, Transaction } from "kysely";
import type { Tables } from "./schema.ts";

/** A query whose text was made once. */
export class PreparedQuery<Row> {
  readonly #compiled: CompiledQuery<Row>;

  /** The values in `compiled` only mark the places, in the order of the text. */
  constructor(compiled: CompiledQuery<Row>) {
    this.#compiled = compiled;
  }

  /** Asks with these values in the marked places. */
  async all(database: Kysely<Tables> | Transaction<Tables>, values: readonly unknown[]): Promise<readonly Row[]> {
    if (values.length !== this.#compiled.parameters.length) throw new Error("Cannot ask: values and places differ");
    return (await database.executeQuery<Row>({ ...this.#compiled, parameters: values })).rows;
  }

  /** The first row. */
  async first(database: Kysely<Tables> | Transaction<Tables>, values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all(database, values))[0];
  }
}
