/**
 * Where the control channel of an installation is. A Unix socket `state/control.sock` if possible; otherwise (Windows,
 * or a path too long for a socket) a loopback port, whose number and token are in `state/control.json`. Either can be
 * used only by those who may read the state folder: root and the service's user.
 */
import { join } from "node:path";

/** Longest path of a Unix socket that every system accepts, in bytes. */
const socketPathBytesMax = 100;

/** Header that carries the token if the channel is a port. */
export const tokenHeader = "cloud-link-control-token";

/** Either way, whoever can read the state folder can talk to the agent. */
export type ControlAddress =
  | { readonly kind: "socket"; readonly path: string }
  /** `file` holds {@linkcode ControlPort} as JSON. */
  | { readonly kind: "port"; readonly file: string };

/** Content of `control.json`. */
export interface ControlPort {
  readonly port: number;
  readonly token: string;
}

/** The address for a state folder: the same for the agent and for its callers. */
export function controlAddress(
  stateFolder: string,
  options: { os?: typeof Deno.build.os } = {},
): ControlAddress {
  const path = join(stateFolder, "control.sock");
  const { os = Deno.build.os } = options;
  if (os === "windows" || new TextEncoder().encode(path).length > socketPathBytesMax) {
    return { kind: "port", file: join(stateFolder, "control.json") };
  }
  return { kind: "socket", path };
}
