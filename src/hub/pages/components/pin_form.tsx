/** The six-digit field and its button, with what keeps people from linking somebody else's machine. */
import type { FC } from "hono/jsx";
import { paths } from "../paths.ts";
import type { View } from "../view.ts";
import { ActionForm, Field } from "./form.tsx";
import { Code } from "./with_code.tsx";

/** For {@linkcode PinForm}. */
export interface PinFormProps {
  readonly view: View;
  readonly integrationId: string;
  readonly error?: string | undefined;
}

/** The form that connects an installation. */
export const PinForm: FC<PinFormProps> = ({ view, integrationId, error }) => {
  const { messages } = view;
  return (
    <ActionForm view={view} action={paths.action(integrationId, "connect")}>
      <p class="caution">{messages.pinWarning}</p>
      <Field
        view={view}
        name="pin"
        label={messages.pinLabel}
        hint={messages.pinHint}
        error={error}
        input={{
          class: "pin",
          type: "text",
          inputmode: "numeric",
          autocomplete: "one-time-code",
          // Spaces are allowed: people copy `424 242`, and the hub removes them.
          pattern: "\\s*([0-9]\\s*){6}",
          maxlength: 16,
          size: 6,
          required: true,
          spellcheck: "false",
          title: messages.pinMalformed,
          "data-look": paths.action(integrationId, "look"),
        }}
      >
        <button class="primary" type="submit">{messages.connect}</button>
      </Field>
      <p class="look" role="status" data-look-result data-text={messages.pinShownBy}></p>
      <details>
        <summary>{messages.pinHelpSummary}</summary>
        <ul>
          <li>{messages.pinHelpInstaller}</li>
          <li>
            {messages.pinHelpCommand}
            <br />
            <Code text="sudo ./injixo-cloud-link pin" />
          </li>
          <li>{messages.pinHelpLog}</li>
        </ul>
      </details>
    </ActionForm>
  );
};
