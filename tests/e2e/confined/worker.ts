/// <reference lib="deno.worker" />
import { attempts } from "./attempts.ts";

self.onmessage = async (event: MessageEvent<string>) => self.postMessage(await attempts(event.data));
