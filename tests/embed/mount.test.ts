import { Hono } from "hono";
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, it, vi } from "vitest";
import { valetkeyRoutes } from "../../adapters/embed/hono.ts";
import type { ValetkeyOptions } from "../../adapters/embed/index.ts";
import { toNodeHandler } from "../../adapters/embed/node.ts";
import { freePort } from "../support/free-port.ts";
import { FILE, listen, MIA, put, startHost } from "./host.ts";

// A host that serves a Valetkey under a path of its own.

const SIGNED_IN = { Cookie: "session=mia", "Content-Type": "application/json" };
const BODY = JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 });
const PRESIGN = "/api/v1/orgs/acme/files/presign";

const mounted = (over: Partial<ValetkeyOptions> = {}) =>
  startHost({ basePath: "/uploads", policy: { linkLifetime: "1 day" }, ...over });

/** Strips the path as Express does for `app.use("/uploads", handler)`. */
const cutOff =
  (handler: ReturnType<typeof toNodeHandler>) =>
  (request: IncomingMessage & { originalUrl?: string }, response: ServerResponse) => {
    request.originalUrl = request.url ?? "";
    request.url = request.originalUrl.replace(/^\/uploads/, "");
    handler(request, response);
  };

it("with basePath, every address in an answer has it and works", async () => {
  const host = await mounted();
  const asked = { caller: MIA, organization: "acme" };
  const upload = await host.valetkey.requestUpload(FILE);
  expect(upload.putUrl.startsWith(`${host.address}/uploads/store/`)).toBe(true);
  expect((await put(upload)).status).toBe(200);
  const { receipt } = upload;
  const confirmed = await host.valetkey.confirmUpload({ ...asked, receipt });
  const { linkUrl } = await host.valetkey.makeLink({ ...asked, receipt });
  for (const url of [upload.getUrl, confirmed.fileUrl, linkUrl]) {
    expect(url.startsWith(`${host.address}/uploads/`)).toBe(true);
    expect(await (await fetch(url, { headers: SIGNED_IN })).text()).toBe("12345");
  }
  const presigned = await fetch(`${host.address}/uploads${PRESIGN}`, {
    method: "POST",
    headers: SIGNED_IN,
    body: BODY,
  });
  expect(presigned.status).toBe(200);
});

it("paths, handles() and the API document follow basePath", async () => {
  const host = await mounted();
  const { paths, handles } = host.valetkey;
  expect(paths.every((path) => path.startsWith("/uploads/"))).toBe(true);
  for (const path of [PRESIGN, "/f/token", "/openapi.json", "/store/files/a"]) {
    expect(handles({ url: `${host.address}/uploads${path}?a` }), path).toBe(true);
    expect(handles(new Request(`${host.address}${path}`)), path).toBe(false);
    expect((await fetch(`${host.address}${path}`)).status, path).toBe(404);
  }
  const { servers } = await (await fetch(`${host.address}/uploads/openapi.json`)).json();
  expect(servers).toEqual([{ url: "/uploads" }]);
});

it("a framework may strip basePath from the path of a request", async () => {
  const port = await freePort();
  const host = await mounted({ publicUrl: `http://127.0.0.1:${port}` });
  await listen(port, cutOff(toNodeHandler(host.valetkey)));
  const upload = await host.valetkey.requestUpload(FILE);
  expect((await put(upload)).status).toBe(200);
  expect(await (await fetch(upload.getUrl)).text()).toBe("12345");
  const app = new Hono();
  app.mount("/uploads", (request) => host.valetkey.fetch(request));
  expect(await (await app.request(upload.getUrl)).text()).toBe("12345");
  const init = { method: "POST", headers: SIGNED_IN, body: BODY };
  expect((await app.request(`/uploads${PRESIGN}`, init)).status).toBe(200);
});

it("routes of Hono have basePath, and the same paths without it are the host's", async () => {
  const host = await mounted();
  const app = new Hono().route("/", valetkeyRoutes(host.valetkey));
  app.all("*", (c) => c.text("the host's"));
  const init = { method: "POST", headers: SIGNED_IN, body: BODY };
  expect((await app.request(`/uploads${PRESIGN}`, init)).status).toBe(200);
  expect(await (await app.request(PRESIGN, init)).text()).toBe("the host's");
});

it("without basePath under a path, the log says once which option to set", async () => {
  const host = await startHost();
  for (const path of ["/favicon.ico", `/uploads${PRESIGN}`, `/uploads${PRESIGN}`]) {
    expect((await host.valetkey.fetch(new Request(`${host.address}${path}`))).status).toBe(404);
  }
  const told = host.log.filter(({ level }) => level === "warn");
  const said = told.filter(({ message }) => message.includes('set basePath: "/uploads"'));
  expect(said).toHaveLength(1);
});

it("a host that strips its path without setting basePath is told so once on the console", async () => {
  const said = vi.spyOn(console, "warn").mockReturnValue();
  const host = await startHost();
  const port = await freePort();
  await listen(port, cutOff(toNodeHandler(host.valetkey)));
  const ask = () =>
    fetch(`http://127.0.0.1:${port}/uploads${PRESIGN}`, {
      method: "POST",
      headers: SIGNED_IN,
      body: BODY,
    });
  expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
  const lines = said.mock.calls.filter(([line]) => String(line).includes("basePath"));
  expect(lines).toHaveLength(1);
  expect(String(lines[0])).toContain('set basePath: "/uploads"');
  said.mockRestore();
});

it("the log suggests no basePath for a path that is requested after the first good request", async () => {
  const host = await startHost();
  for (const path of ["/openapi.json", `/made/up${PRESIGN}`]) {
    await host.valetkey.fetch(new Request(`${host.address}${path}`));
  }
  expect(JSON.stringify(host.log)).not.toContain("basePath");
});

it("the API document tells how the host authenticates its callers", async () => {
  const openapi = {
    securitySchemes: { session: { type: "apiKey", in: "cookie", name: "session" } },
    security: [{ session: [] }],
  };
  const host = await startHost({ openapi });
  const { components, security } = await (await fetch(`${host.address}/openapi.json`)).json();
  expect({ securitySchemes: components.securitySchemes, security }).toEqual(openapi);
});
