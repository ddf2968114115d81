/** What an administrator does on a Linux server, in a box: unpack, install, start, link. */
import { dirname } from "node:path";
import { executable } from "../setup/executable.ts";
import { Box, type Ran } from "./box.ts";
import { HubInBox } from "./hub_in_box.ts";

/** Which executable, for experiments. */
export const program: string = Deno.env.get("CLOUD_LINK_EXECUTABLE") ?? executable;
/** The manual's default. */
export const defaultName = "com.injixo.cloud-link";

/** A box with the executable in it, and a hub. `shared`: further folders of this system that it has. */
export async function startBoxWithHub(
  shared: readonly string[] = [],
): Promise<{ box: Box; hub: HubInBox } & AsyncDisposable> {
  const box = await startBox(shared);
  try {
    return { box, hub: await HubInBox.start(box, program), [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() };
  } catch (error) {
    await box[Symbol.asyncDispose]();
    throw error;
  }
}

/** A box with the executable in it. */
export function startBox(shared: readonly string[] = []): Promise<Box> {
  return Box.start([dirname(program), ...shared]);
}

/** An installation folder inside a box. */
export class InstalledFolder {
  readonly box: Box;
  readonly folder: string;

  constructor(box: Box, folder: string) {
    this.box = box;
    this.folder = folder;
  }

  /** Puts executable and configuration there. `toml`: sections besides `[csv]`. */
  static async make(box: Box, folder: string, options: { toml?: string } = {}): Promise<InstalledFolder> {
    await box.run(["mkdir", "-p", folder]);
    await box.run(["cp", program, `${folder}/injixo-cloud-link`]);
    const made = new InstalledFolder(box, folder);
    await made.configure(options.toml ?? "");
    return made;
  }

  async configure(toml: string): Promise<void> {
    await this.box.write(
      `${this.folder}/injixo-cloud-link.toml`,
      `${toml}\n[csv]\nsettleSeconds = 0.2\npollSeconds = 1\n`,
    );
  }

  /** `./injixo-cloud-link …`, as root, in the folder. */
  command(...args: readonly string[]): Promise<Ran> {
    return this.box.run(["sh", "-c", 'cd "$0" && exec ./injixo-cloud-link "$@"', this.folder, ...args]);
  }

  /** The same; it must succeed. */
  async done(...args: readonly string[]): Promise<string> {
    const { code, printed } = await this.command(...args);
    if (code !== 0) throw new Error(`injixo-cloud-link ${args.join(" ")} ended with ${code}:\n${printed}`);
    return printed;
  }

  /** Asks for a PIN and types it into the hub. */
  async linkTo(hub: HubInBox, integration: string): Promise<void> {
    const pin = /Enter your pin: (\d{6})/.exec(await this.done("pin", "--no-wait"))?.[1] ?? "";
    await hub.connect(integration, pin);
    await this.box.waitFor(`cat "${this.folder}/injixo-cloud-link.log"`, /Linked to the integration/);
  }

  async drop(name: string, content = `${name}\n`): Promise<void> {
    await this.box.write(`${this.folder}/${name}`, content);
  }

  log(): Promise<string> {
    return this.box.sh(`cat "${this.folder}"/injixo-cloud-link*.log`);
  }
}

/** A property of a unit. */
export async function property(box: Box, name: string, unit = defaultName): Promise<string> {
  return (await box.sh(`systemctl show --value --property=${name} ${unit}.service`)).trim();
}
