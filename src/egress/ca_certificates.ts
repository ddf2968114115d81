/** Reads `[hub] caFile`. Deno silently ignores what it cannot read there, so it is checked here. */
import { X509Certificate } from "node:crypto";

/** Largest file with certificate authorities, in bytes. */
const caFileBytesMax = 4 * 1024 * 1024;

/**
 * The certificates in a PEM text, each as a separate PEM. Throws if there is none, or one that cannot be read.
 * @param options.file The file's name, for the message.
 */
export function parseCaCertificates(pem: string, options: { file: string }): string[] {
  const fail = (state: string, cause?: unknown): never => {
    throw new Error(
      `Cannot use the certificates of "${options.file}": ${state}. ` +
        `[hub] caFile needs one or more certificate authorities in PEM form (-----BEGIN CERTIFICATE-----).`,
      { cause },
    );
  };
  if (pem.length > caFileBytesMax) fail(`it is larger than ${caFileBytesMax} bytes`);
  const otherForm = /-----BEGIN ([A-Z0-9]+ CERTIFICATE)-----/.exec(pem)?.[1];
  if (otherForm !== undefined) fail(`it has a "${otherForm}"; convert it with "openssl x509"`);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (blocks === null) {
    return fail(
      /BEGIN [A-Z ]*PRIVATE KEY/.test(pem) ? "it has a private key and no certificate" : "it has no certificate",
    );
  }
  if ((pem.match(/-----BEGIN CERTIFICATE-----/g) ?? []).length !== blocks.length) {
    fail("its last certificate is cut off");
  }
  blocks.forEach((block, index) => {
    try {
      new X509Certificate(block);
    } catch (error) {
      fail(`certificate ${index + 1} of ${blocks.length} cannot be read`, error);
    }
  });
  return blocks.map((block) => `${block}\n`);
}
