/** Parts of forms: a labelled field with hint and error, the session's token, a form with a single button. */
import type { Child, FC } from "hono/jsx";
import { csrfField } from "../form.ts";
import type { View } from "../view.ts";

/** The session's token, in every form of a logged-in user. */
export const CsrfField: FC<{ view: View }> = ({ view }) => (
  view.session ? <input type="hidden" name={csrfField} value={view.session.csrfToken} /> : null
);

interface FieldProps {
  readonly view: View;
  /** Of the input; unique on the page. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  /** What is wrong, and what to do; the field then gets the focus. */
  readonly error?: string | undefined;
  /** Further attributes of the input. */
  readonly input: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Shown beside the input: its button. */
  readonly children?: Child;
}

/** A text field. */
export const Field: FC<FieldProps> = ({ view, name, label, hint, error, input, children }) => {
  const id = `field-${name}`;
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class={error ? "field invalid" : "field"}>
      <label for={id}>{label}</label>
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error && (
        <p class="error" id={`${id}-error`} role="alert">
          <span class="visually-hidden">{view.messages.errorPrefix}</span>
          {error}
        </p>
      )}
      <div class="beside">
        <input
          id={id}
          name={name}
          aria-describedby={described === "" ? undefined : described}
          aria-invalid={error ? "true" : undefined}
          autofocus={error ? true : undefined}
          {...input}
        />
        {children}
      </div>
    </div>
  );
};

/** A form with a single action. */
export const ActionForm: FC<{ view: View; action: string; children?: Child }> = ({ view, action, children }) => (
  <form method="post" action={action}>
    <CsrfField view={view} />
    {children}
  </form>
);
