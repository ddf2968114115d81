/** What a driver answers when it is asked what went wrong: any bytes, any lengths, any number of records. */
import { likelyCause, OdbcError, readDiagnostics } from "../../../src/odbc/diagnostics.ts";
import { handleType } from "../../../src/odbc/constants.ts";
import type { OdbcLibrary } from "../../../src/odbc/library.ts";
import type { Random } from "../random.ts";
import { require, requireSecret, type Target } from "../target.ts";

const secret = "Zq7-secret-Zq7";
/** White space is joined in messages, and one secret may begin with another. */
const secrets: readonly string[] = [secret, "two  blanks-Zq7", "long-one-Zq7", "long-one-Zq7-longer", "", "x"];

const words: readonly string[] = [
  "IM002",
  "28000",
  "08001",
  "HYT00",
  "42S02",
  "[unixODBC][Driver Manager]Can't open lib '/x.so' : file not found",
  `password authentication failed for user "x" ${secret}`,
  "long-one-Zq7-longer",
  "two  blanks-Zq7",
  'relation "x" does not exist',
  "no such column: x",
  "Lost connection to server during query",
  "\r\n",
];

interface Answer {
  readonly code: number;
  readonly state: string;
  readonly native: number;
  readonly text: string;
  readonly length: number;
}

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  return Promise.resolve({ form: "json", words, generate, run, [Symbol.asyncDispose]: () => Promise.resolve() });
}

function generate(random: Random): string {
  return JSON.stringify(random.many(5, () => {
    const text = random.oneIn(4) ? random.text(40) : random.pick(words);
    return {
      code: random.pick([0, 1, 1, 1, -1, 100, -2]),
      state: random.pick(["IM002", "28000", "42S22", "00000", "", "HY"]),
      native: random.pick([0, -1, 2 ** 31 - 1]),
      text,
      length: random.pick([text.length, text.length, 0, -1, 2047, 2048, 32767, -32768]),
    };
  }));
}

function run(input: string): void {
  const answers = answersOf(input);
  const records = readDiagnostics(driverThatAnswers(answers), {
    type: handleType.statement,
    value: 1n as never,
    secrets,
  });
  require(records.length <= 16, () => `${records.length} records`);
  const error = new OdbcError("run the query", records);
  requireSecret(error.message, [secret, "long-one-Zq7"]);
  // Mutants of the secrets are none.
  const whole = (text: string, secret: string) => input.split(text).length === 2 && input.includes(secret);
  if (whole("blanks-Zq7", "two  blanks-Zq7")) requireSecret(error.message, ["blanks-Zq7"]);
  if (whole("longer", "long-one-Zq7-longer")) requireSecret(error.message, ["longer"]);
  require(error.message.startsWith("Cannot run the query: "), () => error.message);
  require(!/[\r\n\0]/.test(error.message), () => `Not one line: ${JSON.stringify(error.message)}`);
  require(error.kind === likelyCause(records).kind, () => `${error.kind} is not the likely cause`);
  if (error.kind !== "other") require(/[.!?]$/.test(error.message), () => `No remedy: ${error.message}`);
}

function answersOf(input: string): readonly Answer[] {
  try {
    const value = JSON.parse(input);
    if (!Array.isArray(value)) return [];
    return value.filter((one) => typeof one === "object" && one !== null).map((one) => ({
      code: Number(one.code) | 0,
      state: String(one.state ?? ""),
      native: Number(one.native) | 0,
      text: String(one.text ?? ""),
      length: (Number(one.length) << 16) >> 16,
    }));
  } catch {
    return [];
  }
}

/** A driver manager of which only the call for diagnostics is there. */
function driverThatAnswers(answers: readonly Answer[]): OdbcLibrary {
  const getDiagRec = (
    _type: number,
    _handle: unknown,
    number: number,
    state: Uint8Array,
    native: Int32Array,
    text: Uint8Array,
    unitsMax: number,
    length: Int16Array,
  ) => {
    const answer = answers[number - 1];
    if (answer === undefined) return 100;
    write(state, answer.state, 6);
    write(text, answer.text, unitsMax);
    native[0] = answer.native;
    length[0] = answer.length;
    return answer.code;
  };
  return { symbols: { SQLGetDiagRecW: getDiagRec } } as unknown as OdbcLibrary;
}

function write(into: Uint8Array, text: string, unitsMax: number): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  const units = Math.min(text.length, unitsMax, into.length / 2);
  for (let unit = 0; unit < units; unit++) view.setUint16(unit * 2, text.charCodeAt(unit), true);
}
