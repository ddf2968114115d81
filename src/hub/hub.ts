/** The hub as a whole: opens its data folder, ties the services together and serves them until told to stop. */
import { getLogger } from "@logtape/logtape";
import type { Hono } from "hono";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { Accounts } from "./access/accounts.ts";
import { AccessTokens } from "./oauth/access_tokens.ts";
import { agentEndpoints } from "./agents/agent_endpoints.ts";
import { createApp } from "./app.ts";
import { Assignments } from "./agents/assignments.ts";
import { ChangeFeed } from "./agents/change_feed.ts";
import { lockData } from "./objects/data_lock.ts";
import { GroupCommit } from "./database/group_commit.ts";
import { type HubDatabase, openDatabase } from "./database/open.ts";
import { Delivery } from "./delivery/delivery.ts";
import { DiskObjects } from "./objects/disk_objects.ts";
import { EventStreams } from "./http/event_stream.ts";
import { importEndpoints } from "./import_endpoints.ts";
import { StoredImports } from "./imports.ts";
import { integrationEndpoints } from "./integration_endpoints.ts";
import { StoredIntegrations } from "./integrations.ts";
import { PinLinking } from "./linking/linking.ts";
import { endLink } from "./linking/end_link.ts";
import { type ListenOptions, serve } from "./http/listen.ts";
import { LocalObjects } from "./objects/local_objects.ts";
import { Metrics } from "./metrics.ts";
import { operationEndpoints } from "./operation_endpoints.ts";
import { openSecretBox, type SecretBox } from "./settings/secret_box.ts";
import { type PasswordCost, Passwords } from "./access/password.ts";
import { LoadClient } from "./rows/load_client.ts";
import { Loader } from "./rows/loader.ts";
import { rowEndpoints } from "./rows/row_endpoints.ts";
import { openRowStore, type RowStore } from "./rows/row_store.ts";
import { StoredRows } from "./rows/stored_rows.ts";
import { StoredRequests } from "./agents/agent_requests.ts";
import { SmallObjects } from "./objects/small_objects.ts";
import type { HubServices } from "./services.ts";
import { StoredSessions } from "./access/sessions.ts";
import { sweepForever, sweepOnce } from "./sweeper.ts";
import { uploadEndpoint } from "./delivery/upload_endpoint.ts";

const log = getLogger(["cloud-link", "hub"]);

/** How a hub is started: by the command `hub`, by `demo`, and by tests on a free port. */
export interface HubOptions {
  /** The data folder, created if missing. */
  readonly dataDirectory: string;
  readonly listen: ListenOptions;
  /** Where browsers and agents reach the hub. @default the address it listens on */
  readonly publicUrl?: URL | undefined;
  /** Trust `X-Forwarded-For`: only behind a proxy that sets it. @default false */
  readonly trustProxy?: boolean;
  /** Name of the account. @default the existing name, else that in `accounts.ts` */
  readonly accountName?: string | undefined;
  readonly clock?: Clock;
  /** Cost of password hashing; tests use less. @default what OWASP recommends */
  readonly passwordCost?: PasswordCost;
  /** Makes the console's pages; if absent, the hub has only its API. */
  readonly pages?: (services: HubServices) => Hono;
}

/** A running hub. Disposing it stops it within a second. */
export interface RunningHub extends AsyncDisposable {
  readonly publicUrl: URL;
  /** The port it listens on. */
  readonly port: number;
  readonly services: HubServices;
  readonly accounts: Accounts;
  /** The administrator created by this start, with the password, which cannot be read later. */
  readonly madeAdministrator: { readonly name: string; readonly password: string } | undefined;
  /** Removes leftovers now, as it regularly does by itself. */
  sweep(): Promise<void>;
}

/** Starts a hub; when it resolves, it serves. */
export async function startHub(options: HubOptions): Promise<RunningHub> {
  await using stack = new AsyncDisposableStack();
  const clock = options.clock ?? systemClock;
  stack.use(await lockData(options.dataDirectory));
  const data = stack.use(await openDatabase(options.dataDirectory));
  const { database, keys } = data;
  const box = await openSecretBox(options.dataDirectory);
  const rowStore = stack.use(await openRowStore(options.dataDirectory));
  const passwords = new Passwords({ cost: options.passwordCost });
  const accounts = new Accounts({ database, passwords, clock });
  const account = await accounts.ensureAccount(options.accountName);

  const stop = new AbortController();
  const server = serve(options.listen, { stop: stop.signal });
  const stopServing = async () => {
    stop.abort();
    await server[Symbol.asyncDispose]();
  };
  stack.defer(stopServing);
  const publicUrl = options.publicUrl ?? server.url;
  const files = await DiskObjects.open({
    folder: options.dataDirectory,
    origin: () => publicUrl.origin,
    secret: keys.upload,
  });
  // Only once the port and the folders are the hub's: a start that fails could not show the password.
  const madeAdministrator = await accounts.ensureAdministrator(account);
  const parts = tie({ data, box, rowStore, files, passwords, clock, publicUrl, stop: stop.signal });
  stack.use(parts.changes);
  stack.defer(() => parts.writes.idle());
  stack.defer(() => parts.delivery.idle());
  await parts.loader.adopt(rowStore.id);
  const loading = parts.loader.run(stop.signal);
  stack.defer(() => loading);
  stack.use(parts.loadClient);
  const leftovers = { ...parts, database, clock, files, signal: stop.signal };
  const sweeping = sweepForever(leftovers);
  stack.defer(() => sweeping);
  // Again, so that it comes before everything that requests use, and that runs until it.
  stack.defer(stopServing);
  server.answer(createApp({
    doorkeepers: { services: parts.services, accessTokens: parts.accessTokens },
    endpoints: parts.endpoints,
    oauth: { database, writes: parts.writes, clock, accessTokens: parts.accessTokens, pinKey: keys.pin, publicUrl },
    metrics: parts.metrics,
    clock,
    trustProxy: options.trustProxy ?? false,
    ...(options.pages === undefined ? {} : { pages: options.pages(parts.services) }),
  }));
  log.info("The hub serves {url} from {folder}.", { url: publicUrl.href, folder: options.dataDirectory });

  const running = stack.move();
  return {
    publicUrl,
    port: server.port,
    services: parts.services,
    accounts,
    madeAdministrator,
    sweep: () => sweepOnce(leftovers),
    async [Symbol.asyncDispose]() {
      await running.disposeAsync();
      log.info("The hub has stopped.");
    },
  };
}

interface TieOptions {
  readonly data: HubDatabase;
  readonly box: SecretBox;
  readonly rowStore: RowStore;
  readonly files: DiskObjects;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly publicUrl: URL;
  readonly stop: AbortSignal;
}

/** Creates the services and the endpoints that call them. */
function tie({ data, box, rowStore, files, passwords, clock, publicUrl, stop }: TieOptions) {
  const { database, keys } = data;
  const changes = new ChangeFeed();
  const writes = new GroupCommit({ database, clock });
  const objects = new LocalObjects({ files, small: new SmallObjects({ database, writes }) });
  const requests = new StoredRequests({ database, changes, clock, box });
  const services: HubServices = {
    publicUrl,
    clock,
    sessions: new StoredSessions({ database, passwords, clock, browserKey: keys.pin }),
    integrations: new StoredIntegrations({
      database,
      changes,
      clock,
      box,
      onRemoved: () => loader.removed(),
      loadingFailsSinceMs: (integrationId) => loader.failsSinceMs(integrationId),
    }),
    linking: new PinLinking({ database, changes, clock, pinKey: keys.pin }),
    imports: new StoredImports({ database, objects }),
    rows: new StoredRows({ database, rows: rowStore.database, file: rowStore.file, clock }),
    requests,
    changes,
  };
  const metrics = new Metrics();
  const loadClient = new LoadClient(rowStore.file);
  const loader = new Loader({ database, rows: rowStore.database, objects, client: loadClient, changes, clock });
  const delivery = new Delivery({
    database,
    writes,
    objects,
    changes,
    clock,
    stop,
    onReceived: (bytes) => metrics.countBatch(bytes),
    onQueued: () => loader.wake(),
  });
  const accessTokens = new AccessTokens({ database, writes, clock, key: keys.token, issuer: () => publicUrl.origin });
  const assignments = new Assignments({ database, writes, changes, requests, clock, box });
  const giveUp = async (linkId: string) => {
    const integrationId = await database.transaction().execute((transaction) =>
      endLink(transaction, { linkId, reason: "given-up", nowMs: clock.now() })
    );
    if (integrationId !== undefined) changes.wake(integrationId);
  };
  const endpoints = [
    ...integrationEndpoints(services, new EventStreams(services, { stop })),
    ...importEndpoints(services, { stop }),
    ...rowEndpoints(services),
    ...agentEndpoints({ assignments, delivery, requests, giveUp, stop }),
    uploadEndpoint({ objects, secret: keys.upload, clock, mayUpload: (key) => delivery.mayUpload(key) }),
    ...operationEndpoints({ database, clock, metrics, checkObjects: () => objects.check(), stop }),
  ];
  return { services, metrics, writes, objects, delivery, loader, loadClient, accessTokens, changes, endpoints };
}
