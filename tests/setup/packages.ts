/** What the tests need of Debian: which packages, what is missing, and how to get it. */

/** Debian's package names, by what the tests do with them. */
export const packages: readonly string[] = [
  "chromium",
  "fonts-dejavu-core",
  "tinyproxy-bin",
  "squid",
  "util-linux",
  "openssl",
  "postgresql",
  "mariadb-server",
  "unixodbc",
  "unixodbc-dev",
  "odbc-postgresql",
  "odbc-mariadb",
  "libsqliteodbc",
  "tdsodbc",
  "gcc",
  "libc6-dev",
  "procps",
  "systemd",
  "dbus",
  "iproute2",
  "curl",
  "socat",
  "debootstrap",
];

/** Those of `names` that dpkg does not know as installed. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("dpkg-query", {
    args: ["--show", "--showformat=${Package} ${db:Status-Status}\n", ...names],
    stderr: "null",
  }).output();
  const installed = new Set(
    new TextDecoder().decode(stdout).split("\n").filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** Installs what is missing when it may; otherwise says what is missing and how to get it. True when all is there. */
export async function ensurePackages(
  names: readonly string[],
  { say }: { say: (line: string) => void },
): Promise<boolean> {
  let missing: string[];
  try {
    missing = await missingPackages(names);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    say(`This is not a Debian system: the tests need the equivalents of ${names.join(", ")}.`);
    return false;
  }
  if (missing.length === 0) return true;
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (Deno.uid() !== 0) {
    say(`The tests need Debian packages that are not installed. Run: sudo ${command}`);
    return false;
  }
  say(`Installing from Debian: ${missing.join(" ")}`);
  const installed = await apt(["update", "-q"]) &&
    await apt(["install", "-y", "-q", "--no-install-recommends", ...missing]);
  if (!installed) say(`Installing failed. Try it by hand: ${command}`);
  return installed;
}

async function apt(args: string[]): Promise<boolean> {
  const { success, stderr, stdout } = await new Deno.Command("apt-get", {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    stdin: "null",
  }).output();
  if (!success) {
    await Deno.stderr.write(stdout);
    await Deno.stderr.write(stderr);
  }
  return success;
}
