/**
 * The hub's delivery with its idempotence switched off: a batch that was received is taken once more when it is declared
 * again. For the negative control of the rounds in `kill_test.ts`.
 */
import { Delivery as Real } from "../../src/hub/delivery.ts";

export * from "../../src/hub/delivery.ts";

type Options = ConstructorParameters<typeof Real>[0];

export class Delivery extends Real {
  readonly #options: Options;

  constructor(options: Options) {
    super(options);
    this.#options = options;
  }

  override async declare(...given: Parameters<Real["declare"]>): ReturnType<Real["declare"]> {
    const [agent, declaration] = given;
    await this.#options.database.updateTable("batch").set({ batchId: crypto.randomUUID() })
      .where("integrationId", "=", agent.integrationId).where("batchId", "=", declaration.id)
      .where("receivedAt", "is not", null).execute();
    return await super.declare(...given);
  }
}
