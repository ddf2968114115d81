/** The installers and archives that this hub offers. */
import type { FC } from "hono/jsx";
import type { View } from "../view.ts";
import { WithCode } from "./with_code.tsx";

/** One file to install from. */
export interface Download {
  readonly platform: "windows" | "linux";
  /** A path of this hub. */
  readonly href: string;
  /** `undefined`: unknown. */
  readonly version: string | undefined;
  /** In bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

const commands: Readonly<Record<Download["platform"], readonly string[]>> = {
  windows: ['msiexec /i injixo-cloud-link.msi MSINEWINSTANCE=1 TRANSFORMS=":instance.1"'],
  linux: [
    "sudo ./injixo-cloud-link service install",
    "sudo ./injixo-cloud-link service start",
    "sudo ./injixo-cloud-link pin",
  ],
};

/** Where to get the program: here, or else from whoever runs the hub. */
export const Downloads: FC<{ view: View; downloads: readonly Download[] }> = ({ view, downloads }) => {
  const { messages, format } = view;
  if (downloads.length === 0) {
    return view.mayChange
      ? (
        <p>
          <WithCode text={messages.downloadsNone} />
        </p>
      )
      : null;
  }
  return (
    <section class="downloads" aria-labelledby="downloads">
      <h3 id="downloads">{messages.downloadsHeading}</h3>
      <ul>
        {downloads.map((download) => (
          <li key={download.platform}>
            <a class="button" href={download.href} download>
              {download.platform === "windows" ? messages.downloadWindows : messages.downloadLinux}
            </a>
            <p class="hint">
              {messages.downloadDetails({ version: download.version, size: format.bytes(download.size) })}
              <br />
              {messages.downloadChecksum} <code class="hash">{download.sha256}</code>
            </p>
            <p>{download.platform === "windows" ? messages.downloadNextWindows : messages.downloadNextLinux}</p>
            <pre><code>{commands[download.platform].join("\n")}</code></pre>
          </li>
        ))}
      </ul>
    </section>
  );
};
