/** What people are told when the spool accepts nothing more. */
import { getLogger } from "@logtape/logtape";

const log = getLogger(["cloud-link", "spool"]);

const megabyte = 1024 * 1024;

/** What rules out more batches: `[spool] maxMegabytes`, or the free-space reserve of the disk. */
export type Refusal = "limit" | "disk";

/** One line for the status. `othersBytes`: what waits for other integrations. */
export function refusalProblem(refusal: Refusal, { othersBytes }: { othersBytes: number }): string {
  return refusal === "limit"
    ? `The spool is full: sources wait until batches are delivered ([spool] maxMegabytes).${othersText(othersBytes)}`
    : "The disk is almost full: sources wait until there is space ([spool] keepFreeMegabytes).";
}

/** Logs what sources wait for from now on; `undefined`: they no longer wait. Sizes in bytes. */
export function logRefusal(
  refusal: Refusal | undefined,
  sizes: {
    readonly stored: number;
    readonly othersBytes: number;
    readonly bytesMax: number;
    readonly freeBytesMin: number;
  },
): void {
  const { stored, othersBytes, bytesMax, freeBytesMin } = sizes;
  if (refusal === "limit") {
    log.error(
      "The spool is full ({stored} of {bytesMax} bytes): sources wait until batches are delivered; nothing is lost. " +
        "{remedy}",
      {
        stored,
        bytesMax,
        remedy: othersBytes === 0
          ? "Find out why the hub does not accept them, or raise [spool] maxMegabytes."
          : `Raise [spool] maxMegabytes.${othersText(othersBytes)}`,
      },
    );
  } else if (refusal === "disk") {
    log.error(
      "The disk is almost full or cannot be written: sources wait until it can be written and {freeBytesMin} bytes " +
        "stay free; nothing is lost. Free some space (quotas count), or lower [spool] keepFreeMegabytes.",
      { freeBytesMin },
    );
  } else {
    log.info("The spool accepts batches again.");
  }
}

function othersText(bytes: number): string {
  if (bytes === 0) return "";
  return ` Of it, ${
    Math.ceil(bytes / megabyte)
  } MB are waiting for integrations that this installation was linked to before: ` +
    "link it to them again, and they are sent.";
}
