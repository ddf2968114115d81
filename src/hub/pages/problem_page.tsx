/** Refusals and failures as pages: what happened, and what to do. */
import { getLogger } from "@logtape/logtape";
import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Clock } from "../../runtime/clock.ts";
import type { Session } from "../services.ts";
import { HubProblem } from "../services.ts";
import { sentFromElsewhere } from "../http/same_origin.ts";
import { Instant } from "./components/instant.tsx";
import { setFlash } from "./flash.ts";
import { formExpired } from "./form.ts";
import { pageOf, paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { createView, type View } from "./view.ts";

const log = getLogger(["cloud-link", "hub", "console"]);

interface ProblemText {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly text: string;
  /** When to try again, if known. */
  readonly at?: string;
}

/** The request that failed, and the clock that says when to try again. */
interface FailedRequest {
  readonly context: Context;
  readonly clock: Clock;
}

/** The page for an error; users without a valid session are sent to log in. */
export function problemPage(error: unknown, request: FailedRequest): Response | Promise<Response> {
  const { context } = request;
  if (error instanceof HubProblem && error.code === "not-authenticated") {
    setFlash(context, "sessionExpired");
    return context.redirect(`${paths.logIn}?to=${encodeURIComponent(pageOf(context.req.path))}`, 303);
  }
  const view = createView(context, context.get("session") as Session | undefined);
  const problem = describe(error, { ...request, view });
  if (problem.status >= 500) {
    log.error("Cannot answer {method} {path}: {reason}", {
      method: context.req.method,
      path: context.req.path,
      reason: error instanceof Error ? error.stack ?? error.message : String(error),
    });
  }
  return renderPage(context, view, {
    title: problem.title,
    body: <ProblemBody view={view} problem={problem} />,
    status: problem.status,
  });
}

/** The page for an address that does not exist. */
export function notFoundPage(request: FailedRequest): Response | Promise<Response> {
  return problemPage(new HubProblem("not-found", "There is no such page."), request);
}

function describe(error: unknown, { context, clock, view }: FailedRequest & { view: View }): ProblemText {
  const { messages, format } = view;
  if (error instanceof HTTPException && error.status < 500) {
    return {
      status: error.status as ContentfulStatusCode,
      title: messages.badRequestTitle,
      text: messages.badRequestText,
    };
  }
  if (!(error instanceof HubProblem)) return { status: 500, title: messages.brokenTitle, text: messages.brokenText };
  switch (error.code) {
    case "not-found":
      return { status: 404, title: messages.notFoundTitle, text: messages.notFoundText };
    case "forbidden":
      if (error.reason === sentFromElsewhere) {
        return { status: 403, title: messages.elsewhereTitle, text: messages.elsewhereText };
      }
      return error.reason === formExpired
        ? { status: 403, title: messages.expiredTitle, text: messages.expiredText }
        : { status: 403, title: messages.forbiddenTitle, text: messages.forbiddenText };
    case "conflict":
      return { status: 409, title: messages.conflictTitle, text: messages.conflict };
    case "too-many-requests": {
      const seconds = error.retryAfterSeconds ?? 60;
      context.header("Retry-After", String(seconds));
      return {
        status: 429,
        title: messages.tooManyTitle,
        text: messages.tooManyText({ wait: format.duration(seconds) }),
        at: new Date(clock.now() + seconds * 1000).toISOString(),
      };
    }
    case "unavailable":
    case "internal":
      return { status: error.code === "internal" ? 500 : 503, title: messages.brokenTitle, text: messages.brokenText };
    default:
      return {
        status: error.code === "too-large" ? 413 : 400,
        title: messages.badRequestTitle,
        text: messages.badRequestText,
      };
  }
}

const ProblemBody: FC<{ view: View; problem: ProblemText }> = ({ view, problem }) => (
  <div class="narrow">
    <p class="hint">{String(problem.status)}</p>
    <h1>{problem.title}</h1>
    <p class="lead">{problem.text}</p>
    {problem.at && (
      <p>
        {view.messages.tooManyAt} <Instant view={view} at={problem.at} />
      </p>
    )}
    <p>
      <a class="button" href={view.session ? paths.integrations : paths.home}>{view.messages.toIntegrations}</a>
    </p>
  </div>
);
