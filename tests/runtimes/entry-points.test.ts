import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import { ask as post } from "../support/ask.ts";
import { until } from "../support/until.ts";
import {
  RUNTIMES,
  runToEnd,
  type ServiceProcess,
  startProcess,
} from "../support/service-process.ts";

const runtimes = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;

describe.each(runtimes)("on %s", (runtime) => {
  let service: ServiceProcess;
  beforeAll(async () => {
    // Longer than a test: it has to be the upload's end that ends the service.
    service = await startProcess({ SHUTDOWN_TIMEOUT: "10 minutes" }, runtime);
  });

  const ask = (path: string, init?: RequestInit) => fetch(new URL(path, service.address), init);

  it("the service serves a presign, the PUT and the GET, and refuses a byte more", async () => {
    const { put_url, get_url } = await presign(service, 10);
    expect((await put(put_url, "01234567890")).status).toBe(403);
    expect((await put(put_url, "0123456789")).status).toBe(200);
    const get = await fetch(get_url);
    expect(get.headers.get("content-type")).toBe("image/png");
    expect(await get.text()).toBe("0123456789");
  });

  it("the service follows no link in the place of an object", async () => {
    const { put_url, get_url } = await presign(service, 10);
    await put(put_url, "9876543210");
    const objects = join(service.directory, "objects");
    const path = readdirSync(objects, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name))
      .find((each) => readFileSync(each).includes("9876543210"));
    renameSync(path ?? "", join(service.directory, "elsewhere"));
    symlinkSync(join(service.directory, "elsewhere"), path ?? "");
    const answer = await fetch(get_url);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain("9876543210");
  });

  it("the document is there for everybody, and accepts no other method", async () => {
    const document = await ask("/openapi.json");
    expect(document.headers.get("cache-control")).toBe("public, max-age=300");
    expect(Object.keys((await document.json()).paths)).toContain("/healthz");
    const refused = await ask("/openapi.json", { method: "POST" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("the service lets an upload under way end before it stops, and has logged no secret", async () => {
    const { put_url } = await presign(service, 10);
    const { hostname, port, host, pathname, search } = new URL(put_url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n` +
        "Content-Type: image/png\r\nContent-Length: 10\r\n\r\n12345",
    );
    const temporary = join(service.directory, "temporary");
    // The service looks after its folder there too, so any file would not tell.
    await until("the upload's start", () =>
      readdirSync(temporary).some((name) => readFileSync(join(temporary, name)).includes("12345"))
        ? true
        : undefined,
    );
    const stopped = service.stop();
    await until("the stop", () => service.output().includes("stopping"));
    socket.write("67890");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await stopped).toBe(0);
    const log = service.output();
    expect(log).toContain("/api/v1/orgs/acme/files/presign");
    expect(log).not.toContain(service.token);
    expect(log).not.toMatch(/X-Amz-|0123456789/);
  });
});

it("a person at a terminal is told where to try it, with the token", async () => {
  const service = await startProcess({ LOG_FORMAT: "pretty" });
  await service.stop();
  expect(service.output()).toContain(`\n  ${service.address}/#token=${service.token}\n`);
});

it.each(runtimes)("%s explains itself to --help, and takes no other option", async (runtime) => {
  const command = RUNTIMES[runtime]("/nowhere");
  const help = await runToEnd({}, [...command, "--help"]);
  expect(help).toEqual({ code: 0, output: expect.stringContaining("Usage: valetkey serve") });
  const wrong = await runToEnd({}, [...command, "--port=1"]);
  expect(wrong).toEqual({ code: 64, output: expect.stringContaining("no option --port") });
});

async function presign(service: ServiceProcess, size: number) {
  const answer = await post(service, "presign", { ...PNG, size });
  return (await answer.json()) as { readonly put_url: string; readonly get_url: string };
}

const PNG = { filename: "a.png", content_type: "image/png" };

const put = (url: string, body: string) =>
  fetch(url, { method: "PUT", headers: { "Content-Type": "image/png" }, body });
