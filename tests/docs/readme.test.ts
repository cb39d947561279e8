import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { makeProject, type Project } from "../support/project.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";

// What the README shows, as it stands: its lines in the console of the page, and its server.

const chromium = await need("chromium");
const snippets = snippetsOf("README.md");

/** What a host has anyway. */
const YOURS = `
export const userOf = (headers: Headers) =>
  headers.get("authorization") === "Bearer token-of-mia" ? { id: "mia" } : undefined;
export const organizationOf = (id: string, slug: string) =>
  id === "mia" && slug === "acme" ? "org_1" : undefined;
`;

let project: Project;
let origin: string;
beforeAll(async () => {
  project = await makeProject();
  const port = String(await freePort());
  origin = `http://127.0.0.1:${port}`;
  project.write("yours.ts", YOURS);
  project.write("server.ts", (snippets.get("server.ts") ?? "").replaceAll("3000", port));
});

it("the README has the snippets that are tested here, and no others", () => {
  expect([...snippets.keys()]).toEqual(["client.js", "by-hand.js", "server.ts"]);
});

describe.skipIf(chromium === undefined)("the console of the page that npm start serves", () => {
  let browser: Browser;
  let service: ServiceProcess;
  beforeAll(async () => {
    [browser, service] = await Promise.all([launchChromium(chromium), startProcess()]);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it("the client and the requests upload a file as they are pasted, one after the other", async () => {
    const page = await browser.newPage();
    const said: Array<string> = [];
    page.on("console", (message) => said.push(message.text()));
    await page.goto(`${service.address}/#token=${service.token}`);
    const devtools = await page.context().newCDPSession(page);
    /** Runs lines as the console does, where names stay and `await` needs no function. */
    const paste = async (expression = "") => {
      const ran = await devtools.send("Runtime.evaluate", {
        expression,
        replMode: true,
        awaitPromise: true,
      });
      expect(ran.exceptionDetails).toBeUndefined();
      return ran.result.value;
    };
    await paste(snippets.get("client.js"));
    expect(said.join()).toContain("percent: 100");
    const open = "fetch(fileUrl, { headers: { Authorization: `Bearer ${token}` } })";
    expect(await paste(`await (await ${open}).text()`)).toBe("hello");
    await paste(snippets.get("by-hand.js"));
    expect(await paste("await (await fetch(get_url)).text()")).toBe("hello");
    expect(await paste("get_url.includes(key)")).toBe(false);
  });
});

it("the client of the package uploads to the embedded service with the same lines", async () => {
  const client = (snippets.get("client.js") ?? "").replace("/client/client.js", "valetkey/client");
  project.write(
    "drive.ts",
    `
    import "./server.ts";
    Object.assign(globalThis, { location: { origin: "${origin}", hash: "#token=token-of-mia" } });
    ${client.replace("hello.txt", "hello.png").replace("text/plain", "image/png")}
    const headers = { Authorization: "Bearer " + token };
    console.log(await (await fetch(fileUrl, { headers })).text(), key, fileUrl);
    process.exit(0);
    `,
  );
  const { code, output } = await project.run(["node", "drive.ts"]);
  expect(code, output).toBe(0);
  expect(output).toContain(`hello orgs/org_1/files/`);
  expect(output).toContain(`.png ${origin}/api/`);
});
