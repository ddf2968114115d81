/// <reference lib="deno.worker" />
import { attempts, type Places } from "./attempts.ts";

self.onmessage = async (event: MessageEvent<Places>) => self.postMessage(await attempts(event.data));
