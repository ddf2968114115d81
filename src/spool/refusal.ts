/** What people are told of a spool that takes nothing more. */
import { getLogger } from "@logtape/logtape";

const log = getLogger(["cloud-link", "spool"]);

/** What stands against more batches: `[spool] maxMegabytes`, or the free-space reserve of the disk. */
export type Refusal = "limit" | "disk";

/** One line for the status. */
export const refusalProblems: Readonly<Record<Refusal, string>> = {
  limit: "The spool is full: sources wait until batches are delivered ([spool] maxMegabytes).",
  disk: "The disk is almost full: sources wait until there is space ([spool] keepFreeMegabytes).",
};

/** Tells the log what sources wait for from now on; `undefined`: they need not wait any longer. Sizes in bytes. */
export function logRefusal(
  refusal: Refusal | undefined,
  sizes: { readonly stored: number; readonly bytesMax: number; readonly freeBytesMin: number },
): void {
  const { stored, bytesMax, freeBytesMin } = sizes;
  if (refusal === "limit") {
    log.error(
      "The spool is full ({stored} of {bytesMax} bytes): sources wait until batches are delivered; nothing is lost. " +
        "Look why the hub does not take them, or raise [spool] maxMegabytes.",
      { stored, bytesMax },
    );
  } else if (refusal === "disk") {
    log.error(
      "The disk is almost full, or takes nothing more: sources wait until it can be written and {freeBytesMin} bytes " +
        "stay free; nothing is lost. Free some space (quotas count), or lower [spool] keepFreeMegabytes.",
      { freeBytesMin },
    );
  } else {
    log.info("The spool takes batches again.");
  }
}
