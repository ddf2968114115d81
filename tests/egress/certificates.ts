/** Certificates for tests, made by openssl: an authority, and what it or another one signs. */

export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** PEM. */
  readonly ca: string;
  /** A certificate for `name`, and for others `besides`; from and to as `YYYYMMDDhhmmssZ`. */
  issue(
    name: string,
    validity?: { from: string; to: string },
    options?: { besides: readonly string[] },
  ): Promise<ServerCertificate>;
}

/** Makes an authority in `folder`, which must be empty. */
export async function makeAuthority(folder: string, authorityName = "Test Authority"): Promise<Authority> {
  const path = (name: string) => `${folder}/${name}`;
  await Deno.writeTextFile(path("index.txt"), "");
  await Deno.writeTextFile(path("ca.cnf"), config(folder));
  await openssl(
    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"],
    ["-subj", `/CN=${authorityName}`, "-keyout", path("ca.key"), "-out", path("ca.pem")],
    ["-addext", "basicConstraints=critical,CA:TRUE"],
  );
  let issued = 0;
  return {
    ca: await Deno.readTextFile(path("ca.pem")),
    async issue(name, validity = { from: "20240101000000Z", to: "20491231235959Z" }, { besides } = { besides: [] }) {
      const base = path(`leaf${++issued}`);
      const alternatives = [name, ...besides].map((one) => `${/^[0-9.]+$/.test(one) ? "IP" : "DNS"}:${one}`);
      await Deno.writeTextFile(`${base}.ext`, `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth\n`);
      await openssl(
        ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${name}`],
        ["-keyout", `${base}.key`, "-out", `${base}.csr`],
      );
      await openssl(
        ["ca", "-batch", "-config", path("ca.cnf"), "-in", `${base}.csr`, "-out", `${base}.pem`, "-notext"],
        ["-extfile", `${base}.ext`, "-startdate", validity.from, "-enddate", validity.to],
      );
      return { cert: await Deno.readTextFile(`${base}.pem`), key: await Deno.readTextFile(`${base}.key`) };
    },
  };
}

function config(folder: string): string {
  return `[ca]
default_ca = test
[test]
database = ${folder}/index.txt
new_certs_dir = ${folder}
certificate = ${folder}/ca.pem
private_key = ${folder}/ca.key
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
[any]
commonName = supplied
`;
}

async function openssl(...args: readonly string[][]): Promise<void> {
  const output = await new Deno.Command("openssl", { args: args.flat(), stdout: "null", stderr: "piped" }).output();
  if (!output.success) throw new Error(`openssl ${args[0]?.[0]}: ${new TextDecoder().decode(output.stderr)}`);
}
