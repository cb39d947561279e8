import { once } from "node:events";
import type { RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { Webhook } from "standardwebhooks";
import { expect, it, onTestFinished } from "vitest";
import { outcomeAfter, WAITS } from "../../../adapters/events/dispatch.ts";
import { isPublic } from "../../../adapters/values/networks.ts";
import { send } from "../../../adapters/events/send.ts";
import { serve } from "../../support/serve.ts";

const SECRETS = ["first secret, of 32 bytes or so..", "second secret, of 32 bytes or so."].map(
  (text) => Buffer.from(text),
);
const MESSAGE = { id: "evt_1", lane: "orgs/acme/a", body: '{"type":"upload.confirmed","é":"ü"}' };

const receiver = async (answer: RequestListener) => new URL("/hook", await serve(answer));

const post = (url: URL | string, allowPrivate = true, now = Date.now()) =>
  send(
    MESSAGE,
    { url: new URL(url), secrets: SECRETS, allowPrivate },
    { now, signal: new AbortController().signal },
  );

it("the library of Standard Webhooks verifies a message with either secret", async () => {
  const received: Array<{ readonly headers: Record<string, string>; readonly body: string }> = [];
  const url = await receiver((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      received.push({ headers: request.headers as Record<string, string>, body });
      response.writeHead(204).end();
    });
  });
  expect(await post(url)).toEqual({ status: 204, retryAfter: undefined });
  const [{ headers, body } = expect.fail("nothing was received")] = received;
  expect(headers["content-type"]).toBe("application/json");
  for (const secret of SECRETS) {
    expect(new Webhook(secret.toString("base64")).verify(body, headers)).toEqual({
      type: "upload.confirmed",
      é: "ü",
    });
  }
  const other = new Webhook(Buffer.from("a secret that nobody has signed").toString("base64"));
  expect(() => other.verify(body, headers)).toThrow("No matching signature");
});

it("a redirect is not followed", async () => {
  const paths: Array<string | undefined> = [];
  const url = await receiver((request, response) => {
    paths.push(request.url);
    response.writeHead(307, { Location: "/inward" }).end();
  });
  expect(await post(url)).toMatchObject({ status: 307 });
  expect(paths).toEqual(["/hook"]);
});

it("of an answer without an end little is read", async () => {
  const most = 64 * 1024 * 1024;
  let written = 0;
  const closed = Promise.withResolvers<void>();
  const url = await receiver((_, response) => {
    response.writeHead(200);
    const write = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
      if (written > most) response.destroy();
    };
    response.on("drain", write).on("close", closed.resolve);
    write();
  });
  expect(await post(url)).toMatchObject({ status: 200 });
  await closed.promise;
  expect(written).toBeLessThan(most);
});

it("answers without an end keep no message from being sent", async () => {
  const url = await receiver((_, response) => void response.writeHead(200).write("a"));
  const all = await Promise.all(Array.from({ length: 48 }, () => post(url)));
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
});

it.each(["Connection: Upgrade\r\nUpgrade: other\r\n", ""])(
  "a receiver that changes the protocol (%j) has failed at once",
  async (headers) => {
    const server = createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const answer = await post(`http://127.0.0.1:${port}/`);
    expect(outcomeAfter(1, answer, 0)).toMatchObject({
      state: "waiting",
      failure: "the receiver answered 101",
    });
  },
);

const INWARD = `
  http://127.0.0.1:9/ http://localhost:9/ http://[::1]:9/ http://0.0.0.0:9/ http://10.1.2.3/
  http://172.16.0.1/ http://169.254.169.254/latest/meta-data http://100.64.0.1/
  http://[::ffff:127.0.0.1]/ http://[fd00::1]/ http://[::127.0.0.1]:9/ http://[::808:808]:9/
  http://[::ffff:0:7f00:1]:9/ http://[2002:7f00:1::]:9/ http://[2001:0:7f00:1::]:9/
  http://[64:ff9b::7f00:1]/ http://[64:ff9b:1::7f00:1]:9/ http://[fec0::1]:9/
  http://[3fff::1]:9/ http://2130706433/ http://0x7f.1/ http://0177.0.0.1:9/
  http://127.0.0.1.:9/`;

it.each(INWARD.trim().split(/\s+/))("%s is not on the public Internet", async (url) => {
  await expect(post(url, false)).rejects.toThrow("is not an address of the public Internet");
});

it("an answer of the resolver is public only as an address that stands for itself", () => {
  const found = ["::127.0.0.1", "::8.8.8.8", "fe80::1%eth0", "fe80::1%2", "127.0.0.1.", "10.1", ""];
  expect(found.filter(isPublic)).toEqual([]);
  const known = ["8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"];
  expect(known.filter(isPublic)).toEqual(known);
});

it("a receiver that is gone is a failure, and so is any answer but 2xx", async () => {
  await expect(post("http://127.0.0.1:1/")).rejects.toThrow("ECONNREFUSED");
  for (const status of [199, 301, 404, 503]) {
    expect(outcomeAfter(1, { status, retryAfter: undefined }, 0)).toMatchObject({
      state: "waiting",
      failure: `the receiver answered ${status}`,
    });
  }
  expect(outcomeAfter(1, { status: 200, retryAfter: undefined }, 0)).toEqual({
    state: "delivered",
  });
});

it("ten attempts are made in three days, unless the receiver says that it is gone", () => {
  const outcomes = [...WAITS, undefined].map((_, at) => outcomeAfter(at + 1, "no answer", 0));
  const waits = outcomes.map((outcome) => ("after" in outcome ? outcome.after : "dead"));
  expect(waits).toHaveLength(10);
  expect(waits.at(-1)).toBe("dead");
  const sum = waits.slice(0, -1).reduce<number>((all, wait) => all + Number(wait), 0);
  expect(sum / 3_600_000).toBeGreaterThan(67);
  expect(sum / 3_600_000).toBeLessThan(84);
  expect(outcomeAfter(1, { status: 410, retryAfter: undefined }, 0)).toMatchObject({
    state: "dead",
  });
});

it("a longer Retry-After counts, up to a day, and anything else in it does not", () => {
  const now = Date.parse("2026-11-28T12:00:00Z");
  const after = (retryAfter: string) => {
    const outcome = outcomeAfter(1, { status: 503, retryAfter }, now);
    return "after" in outcome ? Math.round(outcome.after / 1000) : outcome.state;
  };
  expect(after("120")).toBe(120);
  expect(after("Sat, 28 Nov 2026 13:00:00 GMT")).toBe(3600);
  expect(after("9".repeat(9))).toBe(86_400);
  for (const bad of ["1", "-5", "soon", "9".repeat(16_000), "Sat, 28 Nov 2020 13:00:00 GMT"]) {
    expect(after(bad)).toBeLessThan(7);
  }
});
