import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";

const runtimes = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;

describe.each(runtimes)("the API's document and its page on %s", (runtime) => {
  let service: ServiceProcess;
  const ask = (path: string, init?: RequestInit) => fetch(new URL(path, service.address), init);
  beforeAll(async () => {
    service = await startProcess({}, runtime);
  });
  afterAll(async () => {
    await service.stop();
  });

  it("the document and its page are there for everybody, under a policy that forbids inline code and style", async () => {
    const document = await ask("/openapi.json");
    expect(document.headers.get("cache-control")).toBe("public, max-age=300");
    expect(Object.keys((await document.json()).paths)).toContain("/healthz");
    const page = await ask("/docs");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toContain("unsafe");
    const [, style, script] = /href="(docs[^"]+)"[^]+src="(docs[^"]+)"/.exec(await page.text()) ?? [
      "",
      "",
      "",
    ];
    expect((await ask(style)).headers.get("content-type")).toContain("text/css");
    expect((await ask(script)).headers.get("content-type")).toContain("text/javascript");
  });

  it("the page serves nothing else of the renderer's package, and accepts no other method", async () => {
    expect((await ask("/docs/package.json")).status).toBe(404);
    expect((await ask("/docs/..%2fpackage.json")).status).toBe(404);
    for (const path of ["/openapi.json", "/docs", "/docs/swagger-ui.css"]) {
      const refused = await ask(path, { method: "POST" });
      expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
  });
});

it("a service without the renderer says what to install, and has the document", async () => {
  const service = await startProcess({ NODE_OPTIONS: `--import=data:text/javascript,${HOOK}` });
  const page = await (await fetch(`${service.address}/docs`)).text();
  expect(page).toContain("npm install --ignore-scripts swagger-ui-dist");
  expect(page).toContain('href="openapi.json"');
  expect(page).not.toContain("<script");
  expect((await fetch(`${service.address}/docs/swagger-ui.css`)).status).toBe(404);
  expect((await fetch(`${service.address}/openapi.json`)).status).toBe(200);
  await service.stop();
});

/** Makes the renderer impossible to find. */
const HOOK = encodeURIComponent(`
import { registerHooks } from "node:module";
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith("swagger-ui-dist")) throw new Error("it is not there");
    return next(specifier, context);
  },
});
`);
