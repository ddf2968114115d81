/** A database read by the installed service: the driver in the unit's sandbox, the password as its credential. */
import { InstalledFolder, startBoxWithHub } from "./installed.ts";
import { assertEquals, assertMatch } from "../assert.ts";

const toml = `[hub]
url = "http://127.0.0.1:8080"

[database]
type = "postgresql"
host = "127.0.0.1"
port = 5544
database = "acd"
user = "reader"
passwordCredential = "acd"
`;
const password = "s3cr3t;pass}word";
const day = Temporal.Now.zonedDateTimeISO("UTC").startOfDay().subtract({ days: 1 }).toPlainDate().toString();

Deno.test("the service reads PostgreSQL by ODBC in its sandbox, with a password that is its credential", async () => {
  await using started = await startBoxWithHub();
  const { box, hub } = started;
  await box.write("/var/tmp/password", password);
  const asPostgres = "setpriv --reuid=postgres --regid=postgres --init-groups";
  await box.sh(`bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1) && install -d -o postgres /var/tmp/pg &&
    ${asPostgres} $bin/initdb -D /var/tmp/pg -U reader -A scram-sha-256 --pwfile=/var/tmp/password -N &&
    ${asPostgres} $bin/pg_ctl -D /var/tmp/pg -w -l /var/tmp/pg/log -o "-p 5544 -k /var/tmp/pg -h 127.0.0.1" start`);
  const sql = async (database: string, text: string) => {
    const options = ["-h", "127.0.0.1", "-p", "5544", "-U", "reader", "-d", database, "-c", text];
    assertEquals((await box.run(["psql", ...options], { env: { PGPASSWORD: password } })).code, 0);
  };
  await sql("postgres", "CREATE DATABASE acd");
  await sql("acd", `CREATE TABLE calls AS SELECT n AS q, TIMESTAMP '${day} 08:00' AS t FROM generate_series(1, 50) n`);

  const installation = await InstalledFolder.make(box, "/opt/cloud-link", { toml });
  await installation.done("service", "install");
  const unit = "/etc/systemd/system/com.injixo.cloud-link.service";
  await box.sh(`mkdir -p ${unit}.d && chmod 600 /var/tmp/password`);
  await box.write(`${unit}.d/database.conf`, "[Service]\nLoadCredential=acd:/var/tmp/password\n");
  await box.sh("systemctl daemon-reload");
  await installation.done("service", "start");
  const { id } = await hub.ask("POST", "/api/v1/integrations", {
    name: "ACD",
    type: "database",
    settings: {
      databaseType: "postgresql",
      kept: true,
      dataType: "contact",
      timeZone: "UTC",
      query: "SELECT q AS queueidentifier, 'Q' AS queuename, t AS timestamp, 1 AS answered FROM calls",
      everyMinutes: 15,
      history: day,
    },
  });
  await installation.linkTo(hub, id);
  await hub.waitForRows(id, 50);
  assertMatch(await installation.log(), /Linked to the integration/);
  assertEquals((await installation.log()).includes(password), false);
});
