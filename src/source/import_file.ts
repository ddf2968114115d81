/** An open file of the import folder, whoever opens it. */

/** What reading needs of an open file; a `Deno.FsFile` is one. */
export interface ImportFile extends Disposable {
  /** The attributes of what is open, whatever is at its path by now. */
  stat(): Promise<Pick<Deno.FileInfo, "size" | "mtime" | "ino">>;
  /** Fills `buffer` from its beginning; resolves with how many bytes there were, `null` at the end of the file. */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/** Opens a file for reading; rejects as `Deno.open` does. */
export type OpenImportFile = (path: string) => Promise<ImportFile>;
