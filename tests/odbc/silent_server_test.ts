/** A server that accepts connections and never answers, as seen through each driver. */
import { connectOdbc } from "../../src/odbc/connection.ts";
import { OdbcError } from "../../src/odbc/diagnostics.ts";
import { type OdbcLibrary, openOdbcLibrary } from "../../src/odbc/library.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { attributesFor, testTimeoutMs } from "./open.ts";

Deno.test("a server that never answers is unreachable when the login timeout has passed, for every driver", async () => {
  for (const driver of ["PostgreSQL Unicode", "PostgreSQL ANSI", "FreeTDS", "MariaDB Unicode"]) {
    const server = new SilentServer();
    const { library, ended } = watched(openOdbcLibrary());
    try {
      const attributes = attributesFor(driver, { ...server.address, database: "calls", user: "u", password: "s3cret" });
      const signal = AbortSignal.timeout(testTimeoutMs);
      const error = await assertRejects(() => connectOdbc({ library, attributes, signal, loginTimeoutSeconds: 1 }));
      assert(error instanceof OdbcError, `${driver}: ${error}`);
      assertEquals(error.kind, "unreachable", `${driver}: ${error}`);
      assertMatch(error.message, /The database server does not answer/);
    } finally {
      await server[Symbol.asyncDispose]();
      // MariaDB's driver is still waiting, until its connection ends.
      await ended();
      library[Symbol.dispose]();
    }
  }
});

/** Accepts connections and leaves it at that. */
class SilentServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.Conn[] = [];
  readonly #accepting = this.#accept();

  get address(): { host: string; port: number } {
    return { host: this.#listener.addr.hostname, port: this.#listener.addr.port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections) connection.close();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) this.#connections.push(connection);
  }
}

/** The library, and when the connects that were begun with it have ended. */
function watched({ symbols, [Symbol.dispose]: close }: OdbcLibrary): {
  library: OdbcLibrary;
  ended: () => Promise<void>;
} {
  const connects: Promise<unknown>[] = [];
  type Connect = OdbcLibrary["symbols"]["SQLDriverConnect"];
  const noted = (connect: Connect): Connect => (...parameters) => {
    const connecting = connect(...parameters);
    connects.push(connecting);
    return connecting;
  };
  const { SQLDriverConnect, SQLDriverConnectW } = symbols;
  return {
    library: {
      symbols: {
        ...symbols,
        SQLDriverConnect: noted(SQLDriverConnect),
        SQLDriverConnectW: noted(SQLDriverConnectW),
      },
      [Symbol.dispose]: close,
    },
    async ended() {
      await Promise.all(connects);
      // Then the handles are freed.
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}
