/** Queries that run so often that building their text would be most of their cost. */
import type { CompiledQuery, Kysely, Transaction } from "kysely";
import type { Tables } from "./schema.ts";

/** A query whose text is built once. */
export class PreparedQuery<Row> {
  readonly #compiled: CompiledQuery<Row>;

  /** The values in `compiled` are only placeholders, in the order of the text. */
  constructor(compiled: CompiledQuery<Row>) {
    this.#compiled = compiled;
  }

  /** Runs the query with these values in place of the placeholders. */
  async all(database: Kysely<Tables> | Transaction<Tables>, values: readonly unknown[]): Promise<readonly Row[]> {
    if (values.length !== this.#compiled.parameters.length) throw new Error("Cannot ask: values and places differ");
    return (await database.executeQuery<Row>({ ...this.#compiled, parameters: values })).rows;
  }

  /** The first row. */
  async first(database: Kysely<Tables> | Transaction<Tables>, values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all(database, values))[0];
  }
}
