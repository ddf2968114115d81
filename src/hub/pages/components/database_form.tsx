/**
 * The fields of a database integration. The style sheet alone hides those that the chosen types do not need, so that
 * the form works without script; in browsers that do not support that either, all are shown and unneeded ones are
 * ignored.
 */
import type { FC } from "hono/jsx";
import { databaseTypes, dataTypes } from "../../../protocol/database.ts";
import { columnsOf } from "../../../source/columns.ts";
import type { SettingsField } from "../../settings/database_settings.ts";
import { databaseTypeName, dataTypeName } from "../names.ts";
import type { SettingsValues } from "../settings_form.ts";
import type { View } from "../view.ts";
import { CheckField, SelectField, TextAreaField } from "./fields.tsx";
import { Field } from "./form.tsx";

const queryLines = 8;

/** For {@linkcode DatabaseForm}. */
export interface DatabaseFormProps {
  readonly view: View;
  readonly values: SettingsValues;
  readonly errors: Partial<Record<SettingsField, string>>;
  /** A password or a connection string is already stored; an empty field keeps it. */
  readonly secretSet: boolean;
}

/** All fields, without the form around them. */
export const DatabaseForm: FC<DatabaseFormProps> = (props) => (
  <div class="settings">
    <ConnectionFields {...props} />
    <DataFields {...props} />
    <ScheduleFields {...props} />
  </div>
);

const ConnectionFields: FC<DatabaseFormProps> = ({ view, values, errors, secretSet }) => {
  const { messages } = view;
  const field = (name: SettingsField) => ({ view, name, error: errors[name] });
  const input = (name: SettingsField) => ({
    type: "text",
    value: values[name] ?? "",
    autocomplete: "off",
    spellcheck: "false",
  });
  const secret = { type: "password", value: "", autocomplete: "new-password" };
  return (
    <fieldset>
      <legend>{messages.databaseHeading}</legend>
      <SelectField
        {...field("databaseType")}
        label={messages.databaseTypeLabel}
        value={values["databaseType"] ?? ""}
        options={databaseTypes.map((value) => ({ value, label: databaseTypeName(view, value) }))}
      />
      <CheckField
        {...field("kept")}
        label={messages.keptLabel}
        hint={messages.keptHint}
        checked={values["kept"] === "on"}
      />
      <div class="only-parts">
        <div class="columns">
          <Field {...field("host")} label={messages.hostLabel} hint={messages.hostHint} input={input("host")} />
          <Field
            {...field("port")}
            label={messages.portLabel}
            hint={messages.portHint}
            input={{ ...input("port"), inputmode: "numeric" }}
          />
          <Field {...field("database")} label={messages.databaseLabel} input={input("database")} />
          <Field
            {...field("user")}
            label={messages.databaseUserLabel}
            hint={messages.databaseUserHint}
            input={input("user")}
          />
          <Field
            {...field("password")}
            label={messages.databasePasswordLabel}
            hint={secretSet ? messages.secretKept : messages.secretHint}
            input={secret}
          />
        </div>
        <div class="only-mssql">
          <CheckField
            {...field("trustServerCertificate")}
            label={messages.trustLabel}
            hint={messages.trustHint}
            checked={values["trustServerCertificate"] === "on"}
          />
        </div>
      </div>
      <div class="only-string">
        <Field
          {...field("connectionString")}
          label={messages.connectionStringLabel}
          hint={secretSet ? messages.secretKept : messages.connectionStringHint}
          input={{ ...secret, autocomplete: "off" }}
        />
      </div>
      <div class="only-file">
        <Field {...field("file")} label={messages.fileLabel} hint={messages.fileHint} input={input("file")} />
      </div>
    </fieldset>
  );
};

const DataFields: FC<DatabaseFormProps> = ({ view, values, errors }) => {
  const { messages, format } = view;
  const field = (name: SettingsField) => ({ view, name, error: errors[name] });
  return (
    <fieldset>
      <legend>{messages.dataHeading}</legend>
      <SelectField
        {...field("dataType")}
        label={messages.dataTypeLabel}
        value={values["dataType"] ?? ""}
        options={dataTypes.map((value) => ({ value, label: dataTypeName(view, value) }))}
      />
      <div class="only-interval">
        <SelectField
          {...field("intervalMinutes")}
          label={messages.intervalLabel}
          value={values["intervalMinutes"] ?? ""}
          options={[15, 30].map((value) => ({ value: String(value), label: format.duration(value * 60) }))}
        />
      </div>
      <Field
        {...field("timeZone")}
        label={messages.timeZoneLabel}
        hint={messages.timeZoneHint}
        input={{
          type: "text",
          value: values["timeZone"] ?? "",
          list: "time-zones",
          autocomplete: "off",
          spellcheck: "false",
        }}
      />
      <datalist id="time-zones">
        {Intl.supportedValuesOf("timeZone").map((name) => <option key={name} value={name} />)}
      </datalist>
      <TextAreaField
        {...field("query")}
        label={messages.queryLabel}
        hint={messages.queryHint}
        value={values["query"] ?? ""}
        rows={queryLines}
      />
      {dataTypes.map((dataType) => (
        <details class={`only-${dataType}`}>
          <summary>{messages.columnsSummary({ type: dataTypeName(view, dataType) })}</summary>
          <ul>
            {columnsOf[dataType].map((column) => (
              <li>
                <code>{column.name}</code>
                {!column.required && ` (${messages.columnOptional})`}
              </li>
            ))}
          </ul>
        </details>
      ))}
    </fieldset>
  );
};

const ScheduleFields: FC<DatabaseFormProps> = ({ view, values, errors }) => {
  const { messages, format } = view;
  const field = (name: SettingsField) => ({ view, name, error: errors[name] });
  return (
    <fieldset>
      <legend>{messages.scheduleHeading}</legend>
      <div class="columns">
        <SelectField
          {...field("everyMinutes")}
          label={messages.everyLabel}
          value={values["everyMinutes"] ?? ""}
          options={[15, 30, 60].map((value) => ({ value: String(value), label: format.duration(value * 60) }))}
        />
        <Field
          {...field("history")}
          label={messages.historyLabel}
          hint={messages.historyHint}
          input={{ type: "date", value: values["history"] ?? "" }}
        />
      </div>
      <div class="only-agent-status">
        <CheckField
          {...field("reconciliation")}
          label={messages.reconciliationLabel}
          hint={messages.reconciliationHint}
          checked={values["reconciliation"] === "on"}
        />
        <CheckField
          {...field("realTime")}
          label={messages.realTimeLabel}
          hint={messages.realTimeHint}
          checked={values["realTime"] === "on"}
        />
      </div>
    </fieldset>
  );
};
