/** The other thread of logging_test.ts. */
import { getLogger } from "@logtape/logtape";
import { forwardLogging } from "../../src/log/logging.ts";

self.addEventListener("message", (event) => {
  const { port } = (event as MessageEvent<{ port: MessagePort }>).data;
  using _forwarding = forwardLogging(port);
  getLogger(["cloud-link", "relay"]).info("from the worker {secret}", { secret: "s3cr3t-of-owner", list: ["a"] });
  getLogger(["cloud-link", "relay"]).info("last");
  (self as unknown as { postMessage(message: string): void }).postMessage("done");
});
