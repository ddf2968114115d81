/** The commands that README's chapter on Linux tells an administrator to type, so that a test can type them. */
import readme from "../../README.md" with { type: "text" };

/** Hands out each command once; what is left was not tried. */
export class ReadmeCommands {
  readonly #commands: string[];

  constructor() {
    const chapter = readme.split(/^### Linux$/m)[1]?.split(/^### /m)[0] ?? "";
    this.#commands = chapter.split(/[`\n]/).map((text) => text.trim()).filter((text) => text.startsWith("sudo "));
  }

  /** The next command, which must match, without `sudo`. */
  take(pattern: RegExp): string {
    const next = this.#commands.shift();
    if (next === undefined || !pattern.test(next)) {
      throw new Error(`README says "${next}" where ${pattern} is expected`);
    }
    return next.replaceAll("sudo ", "");
  }

  left(): readonly string[] {
    return this.#commands;
  }
}
