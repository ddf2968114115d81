/**
 * The hub's delivery with its idempotence switched off: a batch that was received is taken once more when it is declared
 * again. For the negative control of the rounds in `kill_test.ts`.
 */
import { Delivery as Real } from "../../src/hub/delivery/delivery.ts";

export * from "../../src/hub/delivery/delivery.ts";

type Options = ConstructorParameters<typeof Real>[0];

export class Delivery extends Real {
  readonly #options: Options;

  constructor(options: Options) {
    super(options);
    this.#options = options;
  }

  override async declare(...given: Parameters<Real["declare"]>): ReturnType<Real["declare"]> {
    const [agent, declaration] = given;
    await this.#forget(agent, [declaration.id]);
    return await super.declare(...given);
  }

  override async whole(...given: Parameters<Real["whole"]>): ReturnType<Real["whole"]> {
    const [agent, batches] = given;
    await this.#forget(agent, batches.map(({ declaration }) => declaration.id));
    return await super.whole(...given);
  }

  /** What was received under these ids is not known under them any longer. */
  async #forget({ integrationId }: Parameters<Real["declare"]>[0], ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.#options.database.updateTable("batch").set({ batchId: crypto.randomUUID() })
        .where("integrationId", "=", integrationId).where("batchId", "=", id)
        .where("receivedAt", "is not", null).execute();
    }
  }
}
