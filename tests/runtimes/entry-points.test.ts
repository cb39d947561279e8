import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { until } from "../support/until.ts";
import {
  RUNTIMES,
  runToEnd,
  type ServiceProcess,
  startProcess,
} from "../support/service-process.ts";

const runtimes = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;

it.each(runtimes)(
  "%s serves a presign, the PUT and the GET, logs no secret, and stops when told to",
  async (runtime) => {
    const service = await startProcess({}, runtime);
    const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });

    const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/presign`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${service.token}` },
      body: JSON.stringify({ filename: file.name, content_type: file.type, size: file.size }),
    });
    expect(answer.status).toBe(200);
    const { put_url, get_url } = await answer.json();
    const put = await fetch(put_url, {
      method: "PUT",
      headers: { "Content-Type": file.type },
      body: file,
    });
    expect(put.status).toBe(200);
    const get = await fetch(get_url);
    expect(get.headers.get("content-type")).toBe("image/png");
    expect(await get.text()).toBe("the bytes of a picture");

    const longer = await fetch(put_url, {
      method: "PUT",
      headers: { "Content-Type": file.type },
      body: new Blob([file, "!"]),
    });
    expect(longer.status).toBe(403);

    expect(await service.stop()).toBe(0);
    const log = service.output();
    expect(log).toContain("/api/v1/orgs/acme/files/presign");
    expect(log).not.toContain(service.token);
    expect(log).not.toMatch(/X-Amz-|the bytes of a picture/);
  },
);

it("a person at a terminal is told where to try it, with the token", async () => {
  const service = await startProcess({ LOG_FORMAT: "pretty" });
  await service.stop();
  expect(service.output()).toContain(`Try it   ${service.address}/#token=${service.token}`);
});

it.each(runtimes)("%s explains itself to --help, and takes no other option", async (runtime) => {
  const command = RUNTIMES[runtime]("/nowhere");
  const help = await runToEnd({}, [...command, "--help"]);
  expect(help).toEqual({ code: 0, output: expect.stringContaining("Usage: valetkey serve") });
  const wrong = await runToEnd({}, [...command, "--port=1"]);
  expect(wrong).toEqual({ code: 64, output: expect.stringContaining("no option --port") });
});

it.each(runtimes)("%s lets an upload under way end before it stops", async (runtime) => {
  // Longer than the test: it has to be the upload's end that ends it.
  const service = await startProcess({ SHUTDOWN_TIMEOUT: "10 minutes" }, runtime);
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
});

it.each(runtimes)("%s follows no link in the place of an object", async (runtime) => {
  const service = await startProcess({}, runtime);
  const { put_url, get_url } = await presign(service, 10);
  await fetch(put_url, {
    method: "PUT",
    headers: { "Content-Type": "image/png" },
    body: "0123456789",
  });
  expect((await fetch(get_url)).status).toBe(200);
  const objects = join(service.directory, "objects");
  const [path = ""] = readdirSync(objects, { recursive: true, withFileTypes: true }).flatMap(
    (each) => (each.isFile() ? [join(each.parentPath, each.name)] : []),
  );
  renameSync(path, join(service.directory, "elsewhere"));
  symlinkSync(join(service.directory, "elsewhere"), path);
  const answer = await fetch(get_url);
  expect(answer.status).toBe(503);
  expect(await answer.text()).not.toContain("0123456789");
  await service.stop();
});

async function presign(service: ServiceProcess, size: number) {
  const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/presign`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${service.token}` },
    body: JSON.stringify({ filename: "a.png", content_type: "image/png", size }),
  });
  return (await answer.json()) as { readonly put_url: string; readonly get_url: string };
}
