/** What the extractor's child tells apart when a job fails; any other error is the database's. */

/** The query itself must be changed, or what it returns. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

/** The batch could not be written. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}
