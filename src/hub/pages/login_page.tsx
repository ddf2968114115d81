/** Logging in and out. */
import { type Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { clientAddress } from "../http/client_address.ts";
import { type ConsoleEnv, requireSession, safeReturnPath } from "../access/console_session.ts";
import { nameLengthMax } from "../limits.ts";
import type { HubServices } from "../services.ts";
import { clearSessionCookie, readBrowserCookie, readSessionCookie, setLoginCookies } from "../access/session_cookie.ts";
import { setFlash } from "./flash.ts";
import { parseForm, readForm, readPublicForm } from "./form.ts";
import { Field } from "./components/form.tsx";
import { Code } from "./components/with_code.tsx";
import { paths } from "./paths.ts";
import { renderPage } from "./render.tsx";
import { createView, type View } from "./view.ts";

/** `/login` and `/logout`. */
export function loginRoutes(services: HubServices): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();

  app.get(paths.logIn, async (context) => {
    const secret = readSessionCookie(context, services);
    const session = secret === undefined ? undefined : await services.sessions.find(secret);
    if (session !== undefined) return context.redirect(safeReturnPath(context, paths.integrations), 303);
    const view = createView(context);
    if (secret === undefined) return showLogin(context, view, {});
    clearSessionCookie(context, services);
    return showLogin(context, view, { notice: view.messages.sessionExpired });
  });

  app.post(paths.logIn, async (context) => {
    const view = createView(context);
    const read = await readPublicForm(context);
    const name = read("name");
    const password = await readPassword(context);
    if (name === "" || password === "") {
      return showLogin(context, view, { name, error: view.messages.loginMissing, status: 422 });
    }
    const browser = readBrowserCookie(context, services);
    const result = await services.sessions.logIn({ name, password, browser }, { address: clientAddress(context) });
    if (result.ok) {
      setLoginCookies(context, result, services);
      return context.redirect(safeReturnPath(context, paths.integrations), 303);
    }
    if (result.reason === "wrong") {
      return showLogin(context, view, { name, error: view.messages.loginFailed, status: 422 });
    }
    context.header("Retry-After", String(result.retryAfterSeconds));
    const wait = view.format.duration(result.retryAfterSeconds);
    return showLogin(context, view, { name, error: view.messages.loginTooMany({ wait }), status: 429 });
  });

  app.post(paths.logOut, requireSession(services), async (context) => {
    await readForm(context);
    const secret = readSessionCookie(context, services);
    if (secret !== undefined) await services.sessions.logOut(secret);
    clearSessionCookie(context, services);
    setFlash(context, "flashLoggedOut");
    return context.redirect(paths.logIn, 303);
  });

  return app;
}

/** Passwords are used exactly as typed, spaces included. */
async function readPassword(context: Context): Promise<string> {
  const { password } = await parseForm(context);
  return typeof password === "string" ? password : "";
}

interface LoginState {
  readonly name?: string;
  readonly error?: string;
  readonly notice?: string;
  readonly status?: 422 | 429;
}

function showLogin(context: Context, view: View, state: LoginState): Promise<Response> {
  const to = safeReturnPath(context, paths.integrations);
  const action = to === paths.integrations ? paths.logIn : `${paths.logIn}?to=${encodeURIComponent(to)}`;
  return renderPage(context, view, {
    title: view.messages.loginTitle,
    body: <LoginForm view={view} state={state} action={action} />,
    status: state.status ?? 200,
    failed: state.error !== undefined,
  });
}

const LoginForm: FC<{ view: View; state: LoginState; action: string }> = ({ view, state, action }) => {
  const { messages } = view;
  const failed = state.error !== undefined;
  return (
    <div class="narrow">
      <h1>{messages.loginTitle}</h1>
      <p class="lead">{messages.loginLead}</p>
      {state.notice && <p class="notice" role="status">{state.notice}</p>}
      <form class="card" method="post" action={action}>
        {failed && (
          <p class="error" id="login-error" role="alert">
            <span class="visually-hidden">{messages.errorPrefix}</span>
            {state.error}
          </p>
        )}
        <Field
          view={view}
          name="name"
          label={messages.userName}
          input={{
            type: "text",
            autocomplete: "username",
            autocapitalize: "none",
            spellcheck: "false",
            required: true,
            maxlength: nameLengthMax,
            value: state.name,
            autofocus: !failed || state.name === "",
          }}
        />
        <Field
          view={view}
          name="password"
          label={messages.password}
          input={{
            type: "password",
            autocomplete: "current-password",
            required: true,
            maxlength: 1024,
            autofocus: failed && state.name !== "",
            "aria-invalid": failed ? "true" : undefined,
            "aria-describedby": failed ? "login-error" : undefined,
          }}
        />
        <button class="primary wide" type="submit">{messages.logIn}</button>
      </form>
      <p class="hint">
        {messages.loginForgotten} <Code text="injixo-cloud-link hub user passwd NAME --data DIR" />.
      </p>
    </div>
  );
};
