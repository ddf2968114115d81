/** What the build needs to know from the WiX source, and the source in the form wixl needs. */
import type { Instance } from "./instance_transforms.ts";

/** Names and values of `$(var.…)`. */
export type Variables = Readonly<Record<string, string>>;

/** What wixl does not understand, for the build to add to the tables. */
export interface SourceFacts {
  readonly instances: readonly Instance[];
  /** The property that tells the instances apart. */
  readonly instanceProperty: string;
  /** Components whose files are kept if they already exist. */
  readonly neverOverwrite: readonly string[];
  /** Properties that reach the privileged part of the installation. */
  readonly secureProperties: readonly string[];
}

/** Reads them. The source is our own: each attribute is on one line, in double quotes. */
export function readSource(text: string, variables: Variables): SourceFacts {
  const source = withVariables(text, variables);
  const elements = (name: string) =>
    [...source.matchAll(new RegExp(`<${name}\\s([^>]*)>`, "g"))].map(([, attributes = ""]) => attributesOf(attributes));
  const required = (attributes: Attributes, name: string) => {
    const value = attributes[name];
    if (value === undefined) throw new Error(`Cannot read the installer's source: an element has no ${name}`);
    return value;
  };
  return {
    instances: elements("Instance").map((attributes) => ({
      id: required(attributes, "Id"),
      productCode: required(attributes, "ProductCode"),
      productName: required(attributes, "ProductName"),
      upgradeCode: required(attributes, "UpgradeCode"),
    })),
    instanceProperty: elements("InstanceTransforms").map((attributes) => required(attributes, "Property"))[0] ?? "",
    neverOverwrite: elements("Component").filter(({ NeverOverwrite }) => NeverOverwrite === "yes")
      .map((attributes) => required(attributes, "Id")),
    secureProperties: elements("Property").filter(({ Secure }) => Secure === "yes")
      .map((attributes) => required(attributes, "Id")),
  };
}

/**
 * The source in wixl's dialect: what it does not support is left out, conditions of pages are in attributes (as in WiX
 * 4), and disk space is in its own units.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../tests/assert.ts";
 * assertEquals(forWixl('<Publish Event="Reset" Value="0">1</Publish>'), '<Publish Event="Reset" Value="0" />');
 * assertEquals(forWixl('<Show Dialog="A">Installed</Show>'), '<Show Dialog="A" Condition="Installed" />');
 * ```
 */
export function forWixl(text: string): string {
  return text
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/ (MultiInstance|NeverOverwrite)="yes"/g, "")
    .replace(/<UIText\s[^>]*>[^<]*<\/UIText>/g, "")
    .replace(/<(Publish|Show)(\s[^>]*[^/>])>([^<]*)<\/\1>/g, (_, element, attributes, condition) => {
      return condition === "1" ? `<${element}${attributes} />` : `<${element}${attributes} Condition="${condition}" />`;
    });
}

type Attributes = Readonly<Record<string, string>>;

function attributesOf(text: string): Attributes {
  return Object.fromEntries(
    [...text.matchAll(/([A-Za-z]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

function withVariables(text: string, variables: Variables): string {
  return text.replace(/\$\(var\.(\w+)\)/g, (whole, name: string) => variables[name] ?? whole);
}
