/**
 * `deno task test`: gets what the tests need, compiles the executable, runs all tests and prints
 * `N passed, N failed` as its last line. Arguments are handed to `deno test`.
 */
import { compileExecutable, projectFolder } from "./setup/executable.ts";
import { ensurePackages, packages } from "./setup/packages.ts";

// deno-lint-ignore no-console -- a command that talks to its user
const say = (line: string) => console.log(line);

async function main(): Promise<number> {
  if (!await ensurePackages(packages, { say })) return 1;
  say("Compiling the executable");
  await compileExecutable();
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const filters = Deno.args.length > 0 ? Deno.args : ["src", "installer", "tests"];
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", "--doc", "--parallel", `--junit-path=${report}`, ...filters],
      cwd: projectFolder,
      env: { DENO_JOBS: "2", NO_COLOR: "1" },
      stdin: "null",
    }).spawn().status;
    const counts = countCases(await Deno.readTextFile(report));
    say(`${counts.passed} passed, ${counts.failed} failed`);
    return code === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1;
  } finally {
    await Deno.remove(report);
  }
}

/** Counts the cases of a JUnit report. A skipped case is a failed one: tests here never skip. */
function countCases(junit: string): { passed: number; failed: number } {
  const cases = junit.split("<testcase ").slice(1);
  const failed = cases.filter((text) => /<(failure|error|skipped)\b/.test(text)).length;
  return { passed: cases.length - failed, failed };
}

Deno.exit(await main());
