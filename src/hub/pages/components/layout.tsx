/** The frame of every page: landmarks, skip link, navigation, and the message about the last action. */
import type { Child, FC } from "hono/jsx";
import { assets } from "../assets.ts";
import { paths } from "../paths.ts";
import type { PageContent } from "../render.tsx";
import type { View } from "../view.ts";
import { CsrfField } from "./form.tsx";

/** The whole document around a page's content. */
export const Layout: FC<{ view: View; page: PageContent; flash: string | undefined; children?: Child }> = (props) => {
  const { view, page, flash, children } = props;
  const { messages } = view;
  return (
    <html lang={view.language.locale} data-format={view.language.format}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${page.failed ? messages.errorPrefix : ""}${page.title} – ${messages.productName}`}</title>
        <link rel="icon" type="image/svg+xml" href={assets.icon.path} />
        <link rel="stylesheet" href={assets.styleSheet.path} />
        <script src={assets.script.path} type="module"></script>
      </head>
      <body>
        <a class="skip" href="#content">{messages.skipToContent}</a>
        <Header view={view} />
        <main id="content" tabindex={-1}>
          {page.trail && <Trail view={view} trail={page.trail} />}
          <div class="flash-slot" role="status">{flash && <p class="flash">{flash}</p>}</div>
          {children}
        </main>
      </body>
    </html>
  );
};

const Header: FC<{ view: View }> = ({ view }) => {
  const { messages, session } = view;
  return (
    <header class="top">
      <div class="top-inner">
        <a class="brand" href={session ? paths.integrations : paths.logIn}>
          <img src={assets.icon.path} alt="" width="28" height="28" />
          <span>{messages.productName}</span>
        </a>
        {session && (
          <>
            <nav aria-label={messages.mainNavigation}>
              <a href={paths.integrations}>{messages.integrations}</a>
            </nav>
            <form class="who" method="post" action={paths.logOut}>
              <CsrfField view={view} />
              <span class="visually-hidden">
                {messages.loggedInAs({ user: session.user.name, account: session.user.account.name })}
              </span>
              <span class="who-name" aria-hidden="true">
                <span>{session.user.name}</span>
                <span>{session.user.account.name}</span>
              </span>
              <button class="plain" type="submit">{messages.logOut}</button>
            </form>
          </>
        )}
      </div>
    </header>
  );
};

const Trail: FC<{ view: View; trail: NonNullable<PageContent["trail"]> }> = ({ view, trail }) => (
  <nav class="trail" aria-label={view.messages.breadcrumb}>
    <ol>
      {trail.map(({ label, href }, index) => (
        <li>
          {index === trail.length - 1 ? <span aria-current="page">{label}</span> : <a href={href}>{label}</a>}
        </li>
      ))}
    </ol>
  </nav>
);
