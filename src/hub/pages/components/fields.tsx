/** Fields of longer forms: a selection, a multi-line text, a checkbox. The single-line field is in `form.tsx`. */
import type { Child, FC } from "hono/jsx";
import type { View } from "../view.ts";

/** What every field has. */
export interface LabelledProps {
  readonly view: View;
  /** Of the input; unique on the page. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  /** What is wrong, and what to do; the field then gets the focus. */
  readonly error?: string | undefined;
}

/** Label, hint and error around an input that refers to them by {@linkcode described}. */
const Labelled: FC<LabelledProps & { children?: Child }> = ({ view, name, label, hint, error, children }) => (
  <div class={error ? "field invalid" : "field"}>
    <label for={`field-${name}`}>{label}</label>
    {hint && <p class="hint" id={`field-${name}-hint`}>{hint}</p>}
    {error && (
      <p class="error" id={`field-${name}-error`} role="alert">
        <span class="visually-hidden">{view.messages.errorPrefix}</span>
        {error}
      </p>
    )}
    <div class="beside">{children}</div>
  </div>
);

function described({ name, hint, error }: LabelledProps) {
  const ids = [hint && `field-${name}-hint`, error && `field-${name}-error`].filter(Boolean).join(" ");
  return {
    id: `field-${name}`,
    name,
    "aria-describedby": ids === "" ? undefined : ids,
    "aria-invalid": error ? "true" as const : undefined,
    autofocus: error ? true : undefined,
  };
}

/** A choice of one. */
export const SelectField: FC<
  LabelledProps & { value: string; options: readonly { readonly value: string; readonly label: string }[] }
> = (props) => (
  <Labelled {...props}>
    <select {...described(props)}>
      {props.options.map(({ value, label }) => (
        <option value={value} selected={value === props.value ? true : undefined}>{label}</option>
      ))}
    </select>
  </Labelled>
);

/** A multi-line text, such as a query. */
export const TextAreaField: FC<LabelledProps & { value: string; rows: number }> = (props) => (
  <Labelled {...props}>
    <textarea {...described(props)} rows={props.rows} spellcheck={false} class="code" autocomplete="off">
      {/* Browsers drop one newline after the tag. */}
      {`\n${props.value}`}
    </textarea>
  </Labelled>
);

/** A checkbox. */
export const CheckField: FC<LabelledProps & { checked: boolean }> = (props) => (
  <div class="field">
    <label class="choice" for={`field-${props.name}`}>
      <input type="checkbox" value="on" checked={props.checked ? true : undefined} {...described(props)} />
      <span>
        <span class="strong">{props.label}</span>
        {props.hint && <span class="hint" id={`field-${props.name}-hint`}>{props.hint}</span>}
      </span>
    </label>
  </div>
);
