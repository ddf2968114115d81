import { assertEquals, assertMatch } from "../assert.ts";
import { osErrorOf } from "../../src/egress/connection_failure.ts";
import { remedyOf, shownOsError } from "../../src/egress/os_errors.ts";
import { explainTlsError } from "../../src/egress/tls_errors.ts";

Deno.test("errors of Windows have Windows' names and numbers, whatever its language", () => {
  const error = Object.assign(new Error("Es konnte keine Verbindung hergestellt werden. (os error 10061)"), {
    code: "ECONNREFUSED",
  });
  assertEquals(shownOsError(osErrorOf(error)), "connection refused (WSAECONNREFUSED, os error 10061)");
  assertEquals(shownOsError({ number: 10060, text: "x" }), "connection timed out (WSAETIMEDOUT, os error 10060)");
  assertEquals(shownOsError({ number: 113, text: "x" }), "no route to the host (EHOSTUNREACH, os error 113)");
  assertEquals(shownOsError({ number: 4711, text: "Seltsam (os error 4711)" }), "Seltsam (os error 4711)");
  assertMatch(remedyOf({ number: 101, text: "x" }, "hub:443"), /network settings/);
});

Deno.test("TLS alerts and old versions are explained", () => {
  const to = { host: "hub", port: 443 };
  const explain = (message: string) => explainTlsError(message, { to })?.problem ?? "not of TLS";
  assertMatch(explain("client error (Connect): received fatal alert: ProtocolVersion"), /TLS 1\.2 or newer/);
  assertMatch(explain("received fatal alert: UnrecognizedName"), /ended the TLS handshake/);
  assertMatch(explain("tls handshake eof"), /closed during the TLS handshake/);
  assertEquals(explain("tcp connect error"), "not of TLS");
});

Deno.test("a clock that was never set is told from a certificate that has expired", () => {
  const explain = (message: string) => {
    const { problem, remedy } = explainTlsError(message, { to: { host: "hub", port: 443 } }) ?? {};
    return `${problem} ${remedy}`;
  };
  const start = "invalid peer certificate: certificate";
  assertMatch(
    explain(
      `${start} not valid yet: verification time 3600 (UNIX), but certificate is not valid before 1767225600 (…)`,
    ),
    /not valid yet: it is valid from 2026-01-01 00:00 UTC, and this machine's clock says 1970-01-01 01:00 UTC .*That clock is wrong\. Set/,
  );
  assertMatch(
    explain(`${start} expired: verification time 1795488981 (UNIX), but certificate is not valid after 1767225600 (…)`),
    /expired: it is valid until 2026-01-01 00:00 UTC, and this machine's clock says 2026-11-24 .*must be renewed .*; otherwise: Set/,
  );
});
