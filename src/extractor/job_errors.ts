/** Errors of a job that the extractor's child distinguishes; any other error is the database's. */

/** The query itself, or what it returns, must be changed. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

/** The batch could not be written. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}
