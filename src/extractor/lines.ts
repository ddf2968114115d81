/** Splits a stream of bytes into lines of bounded length. */

/**
 * The lines, without line ends. Anything beyond `bytesMax` in a line is dropped, so that a program that prints
 * endlessly does not fill the memory.
 */
export async function* lines(
  stream: ReadableStream<Uint8Array>,
  options: { bytesMax: number },
): AsyncIterableIterator<string> {
  const decoder = new TextDecoder();
  let pieces: Uint8Array[] = [];
  let length = 0;
  const take = (piece: Uint8Array) => {
    const room = options.bytesMax - length;
    if (room <= 0) return;
    const kept = piece.length > room ? piece.subarray(0, room) : piece;
    pieces.push(kept);
    length += kept.length;
  };
  const line = () => {
    const whole = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    pieces = [];
    length = 0;
    return decoder.decode(whole).replace(/\r$/, "");
  };
  for await (const chunk of stream) {
    let from = 0;
    for (let to = chunk.indexOf(10); to >= 0; to = chunk.indexOf(10, from)) {
      take(chunk.subarray(from, to));
      yield line();
      from = to + 1;
    }
    take(chunk.subarray(from));
  }
  if (length > 0) yield line();
}
