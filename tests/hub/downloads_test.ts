/** The installers that a hub hands out. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { accompany } from "../../installer/accompany.ts";
import { downloadRoutes, openDownloads } from "../../src/hub/downloads.ts";
import { HubProblem } from "../../src/hub/services.ts";
import { assertEquals, assertRejects } from "../assert.ts";

Deno.test("the hub offers the installers of a folder with size and SHA-256, and nothing else from there", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertRejects(() => openDownloads(folder), /neither "injixo-cloud-link\.msi" nor/);
    const content = new Uint8Array(300_000).fill(7);
    await Deno.writeFile(join(folder, "injixo-cloud-link-linux-x64.tar.gz"), content);
    await Deno.writeTextFile(join(folder, "secret"), "no");
    const downloads = await openDownloads(folder);
    const sha256 = createHash("sha256").update(content).digest("hex");
    assertEquals(downloads.map(({ platform, size, sha256 }) => ({ platform, size, sha256 })), [
      { platform: "linux", size: 300_000, sha256 },
    ]);
    const app = downloadRoutes(downloads);
    app.onError((error, context) => context.text(error instanceof HubProblem ? error.code : "broken", 404));
    const response = await app.request(downloads[0]?.href ?? "");
    assertEquals([response.status, response.headers.get("content-length")], [200, "300000"]);
    assertEquals(await response.bytes(), content);
    assertEquals(downloads[0]?.version, undefined);
    await accompany(join(folder, "injixo-cloud-link-linux-x64.tar.gz"), { version: "7.8.9" });
    assertEquals((await openDownloads(folder))[0]?.version, "7.8.9");
    await Deno.writeTextFile(join(folder, "injixo-cloud-link-linux-x64.tar.gz"), "another");
    assertEquals((await openDownloads(folder))[0]?.version, undefined);
    for (const path of ["/downloads/secret", "/downloads/..%2Fsecret", "/downloads/injixo-cloud-link.msi"]) {
      assertEquals(await (await app.request(path)).text(), "not-found", path);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
