/** The actions on an integration's page; each ends by showing the page again. */
import { type Context, Hono } from "hono";
import { clientAddress, networkOf } from "../http/client_address.ts";
import { type ConsoleEnv, requireSession } from "../access/console_session.ts";
import { Pin } from "../../protocol/linking.ts";
import { HubProblem, type HubServices, type PinShown } from "../services.ts";
import type { ConsoleOptions } from "./console_options.ts";
import { type FlashKey, setFlash } from "./flash.ts";
import { nameProblem, pathParameter, readForm } from "./form.ts";
import { type FormProblem, showIntegration } from "./integration_page.tsx";
import { integrationTitle } from "./names.ts";
import { paths } from "./paths.ts";
import { sentSettings } from "./settings_form.ts";
import { settingsErrors } from "./settings_page.tsx";
import type { SettingsFault } from "../settings/check_settings.ts";
import { SettingsProblem } from "../settings/store_settings.ts";
import { createView, type View } from "./view.ts";

const page = `${paths.integrations}/:id`;

/** `/account/integrations/{id}` and the actions below it, without deletion. */
export function integrationRoutes(services: HubServices, console: ConsoleOptions): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.use(`${page}/*`, requireSession(services));

  app.get(page, (context) => showIntegration(context, pathParameter(context, "id"), { services, console }));

  app.post(`${page}/connect`, async (context) => {
    const id = pathParameter(context, "id");
    const pin = readPin(await readForm(context));
    const problem = pin === undefined
      ? { field: "pin", message: viewOf(context).messages.pinMalformed, status: 422 } as const
      : await pinRefusal(context, () => services.linking.connect(context.var.actor, { integrationId: id, pin }));
    if (problem) return await showIntegration(context, id, { services, console, problem });
    return back(context, id, "flashConnected");
  });

  // For the script: which machine shows this PIN, before it is connected.
  app.post(`${page}/look`, async (context) => {
    const id = pathParameter(context, "id");
    const pin = readPin(await readForm(context));
    if (pin === undefined) throw new HubProblem("wrong-pin", "A PIN has six digits.");
    let found: { machine: string; details: string } | undefined;
    const problem = await pinRefusal(context, async () => {
      const shown = await services.linking.look(context.var.actor, pin);
      found = {
        machine: `${shown.hostName} (${shown.system})`,
        details: detailsOf(context, { id, shown, nowMs: services.clock.now() }),
      };
    });
    return context.json(problem ? { message: problem.message } : found);
  });

  for (const action of ["save", "rename"] as const) {
    app.post(`${page}/${action}`, async (context) => {
      const id = pathParameter(context, "id");
      const read = await readForm(context);
      const name = read("name");
      // Only a database integration's form has these.
      const sent = action === "save" && read("databaseType") !== "" ? sentSettings(read) : undefined;
      const refused = (problem: Pick<FormProblem, "field" | "message">, faults: readonly SettingsFault[] = []) => {
        const settings = sent && {
          values: sent.values,
          errors: settingsErrors(viewOf(context), { input: sent.input, faults }),
        };
        const again = { ...problem, typed: name, status: 422, ...settings && { settings } } as const;
        return showIntegration(context, id, { services, console, problem: again });
      };
      const message = nameProblem(viewOf(context), name);
      if (message !== undefined) return await refused({ field: "name", message });
      try {
        await services.integrations.change(context.var.actor, {
          id,
          name,
          ...(action === "save" ? { draft: false } : {}),
          ...(sent === undefined ? {} : { settings: sent.input }),
        });
      } catch (error) {
        if (!(error instanceof SettingsProblem) || sent === undefined) throw error;
        return await refused({ field: "settings", message: "" }, error.faults);
      }
      return back(context, id, action === "save" ? "flashSaved" : "flashRenamed");
    });
  }

  app.post(`${page}/test`, async (context) => {
    const id = pathParameter(context, "id");
    await readForm(context);
    await services.requests.create(context.var.actor, { integrationId: id, request: { type: "test" } });
    return back(context, id, "flashTested");
  });

  for (const action of ["pause", "resume"] as const) {
    app.post(`${page}/${action}`, async (context) => {
      const id = pathParameter(context, "id");
      await readForm(context);
      await services.integrations.change(context.var.actor, { id, paused: action === "pause" });
      return back(context, id, action === "pause" ? "flashPaused" : "flashResumed");
    });
  }

  // A refused form leaves the browser at its address: visiting that again leads to the page.
  app.get(`${page}/:action`, (context) => context.redirect(paths.integration(pathParameter(context, "id")), 303));

  return app;
}

function viewOf(context: Context<ConsoleEnv>): View {
  return createView(context, context.var.session);
}

function back(context: Context, id: string, flash: FlashKey): Response {
  setFlash(context, flash);
  return context.redirect(paths.integration(id), 303);
}

/**
 * What distinguishes one's own machine from that of somebody who sent the PIN: what it runs, where it is, when it
 * requested the PIN; and which link connecting it to the integration `id` would end.
 */
function detailsOf(
  context: Context<ConsoleEnv>,
  { id, shown, nowMs }: { id: string; shown: PinShown; nowMs: number },
): string {
  const view = viewOf(context);
  const { messages, format } = view;
  const { version, address, pinAt, linkedTo } = shown;
  const age = format.duration(pinAt === null ? 0 : (nowMs - Date.parse(pinAt)) / 1000);
  const lines = [messages.pinDetails({ version, address, age })];
  const own = clientAddress(context);
  if (networkOf(own) !== networkOf(address)) lines.push(messages.pinElsewhere({ address: own }));
  if (linkedTo === "another account") lines.push(messages.pinLinkedToOther);
  else if (linkedTo !== null && linkedTo.id !== id) {
    lines.push(messages.pinLinkedTo({ name: integrationTitle(view, linkedTo) }));
  }
  return lines.join("\n");
}

/** The PIN without spaces copied along with it; `undefined` if it is not one. */
function readPin(read: (field: string) => string): string | undefined {
  return Pin.safeParse(read("pin").replaceAll(/\s/g, "")).data;
}

/** Runs `act`, and returns a text in the user's language if the PIN is refused or there were too many attempts. */
async function pinRefusal(context: Context<ConsoleEnv>, act: () => Promise<unknown>): Promise<FormProblem | undefined> {
  const { messages, format } = viewOf(context);
  try {
    await act();
    return undefined;
  } catch (error) {
    if (!(error instanceof HubProblem)) throw error;
    if (error.code === "wrong-pin") return { field: "pin", message: messages.pinWrong, status: 422 };
    if (error.code !== "too-many-requests") throw error;
    const seconds = error.retryAfterSeconds ?? 60;
    context.header("Retry-After", String(seconds));
    return { field: "pin", message: messages.pinTooMany({ wait: format.duration(seconds) }), status: 429 };
  }
}
