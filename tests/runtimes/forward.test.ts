import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { PRESIGN } from "../http/service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const FILE = { filename: "a.png", content_type: "image/png", size: 5 };

const runtimes = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;

describe.each(runtimes)("behind a proxy on %s", (runtime) => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startProcess(
      {
        AUTH: "forward",
        FORWARD_AUTH_TRUSTED: "127.0.0.1",
        FORWARD_AUTH_SCOPES: "X-Forwarded-Scopes",
        RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
      },
      runtime,
    );
  });
  afterAll(() => service.stop());

  /** The status of the answer to a presign with exactly these lines of headers. */
  const ask = async (lines: ReadonlyArray<string>) => {
    const { hostname, port, host } = new URL(service.address);
    const body = JSON.stringify(FILE);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const head = [
      `POST ${PRESIGN} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: close",
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      ...lines,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(await text(socket))?.[1]);
  };
  const USER = "X-Forwarded-User: alice";
  const GROUPS = "X-Forwarded-Groups: acme,globex";
  const SCOPES = "X-Forwarded-Scopes: write,read";

  it("the service takes each header of the proxy once, in any case", async () => {
    expect(await ask([USER, GROUPS, SCOPES])).toBe(200);
    expect(await ask([USER, GROUPS, SCOPES].map((line) => line.toLowerCase()))).toBe(200);
    expect(await ask([USER, GROUPS, SCOPES, "X-Forwarded-For: 203.0.113.9"])).toBe(200);
  });

  it.each([
    [["X-Forwarded-User: mallory", USER, GROUPS, SCOPES]],
    [[USER, GROUPS, SCOPES, USER]],
    [["X-Forwarded-User:", USER, GROUPS, SCOPES]],
    [[USER, "X-Forwarded-User:", GROUPS, SCOPES]],
    [[USER, "X-Forwarded-Groups: initech", "X-Forwarded-Groups: acme", SCOPES]],
    [[USER, GROUPS, "X-Forwarded-Scopes: read", "X-Forwarded-Scopes: write"]],
    [[USER, GROUPS, SCOPES, "X_Forwarded_User: root"]],
    [[USER, GROUPS, SCOPES, "x-forwarded_groups: initech"]],
  ])("a request with the headers %j is refused", async (lines) => {
    expect(await ask(lines)).toBe(401);
  });
});
