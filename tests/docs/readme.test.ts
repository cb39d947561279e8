import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { makeProject, type Project } from "../support/project.ts";
import { startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { until } from "../support/until.ts";

// The README's client and its package, together: the page of an application that embeds Valetkey.

const ROOT = new URL("../..", import.meta.url).pathname;
const minio = await need("minio");
const snippets = snippetsOf("README.md");

/** What a host has anyway. */
const YOURS = `
export const userOf = (headers: Headers) =>
  headers.get("authorization") === "Bearer token-of-mia" ? { id: "mia" } : undefined;
export const organizationOf = (id: string, slug: string) =>
  id === "mia" && slug === "acme" ? "org_1" : undefined;
`;

let project: Project;
beforeAll(async () => {
  if (minio === undefined) return;
  project = await makeProject();
  project.link("minio");
  project.write("yours.ts", YOURS);
  project.write(
    "uploads.ts",
    (snippets.get("uploads.ts") ?? "")
      .replace("http://127.0.0.1:9000", minio.endpoint)
      .replace("createBucket: true", 'createBucket: true, bucket: "readme"'),
  );
});
afterAll(() => project?.remove());

it("the README has the snippets that are tested here, and no others", () => {
  expect([...snippets.keys()]).toEqual(["client.js", "three-lines.js", "uploads.ts"]);
});

it.skipIf(minio === undefined)(
  "the MinIO that the page starts has room for its service",
  async () => {
    const [server = "", service = ""] = readFileSync(join(ROOT, "README.md"), "utf8")
      .split("\n\n")
      .filter((block) => /^ {4}/.test(block) && /MINIO_ROOT_USER|STORAGE_ADAPTER/.test(block));
    const folder = mkdtempSync(join(tmpdir(), "valetkey-readme-"));
    const port = String(await freePort());
    const here = (block: string) => block.replaceAll("9000", port).replaceAll(".minio", folder);
    const child = spawn("sh", ["-ec", here(server)], {
      cwd: ROOT,
      stdio: "ignore",
      detached: true,
    });
    const ended = once(child, "exit");
    try {
      const isUp = `http://127.0.0.1:${port}/minio/health/cluster`;
      await until("MinIO's start", async () => (await fetch(isUp)).ok);
      const command = here(service).replace("npm start", "exec node deploy/node.ts");
      const { address, token, stop } = await startProcess({}, () => ["/bin/sh", "-ec", command]);
      const client = createClient({ endpoint: address, organization: "acme", token });
      const { getUrl } = await client.upload(
        new File(["a picture"], "a.png", { type: "image/png" }),
      );
      expect(await (await fetch(getUrl)).text()).toBe("a picture");
      expect(new URL(getUrl).port).toBe(port);
      await stop();
    } finally {
      process.kill(-(child.pid ?? 0));
      await ended;
      rmSync(folder, { recursive: true });
      rmSync(`${folder}-secret`);
    }
  },
);

/** Runs a few lines in a page whose own origin is the service; the store is elsewhere. */
async function inPage(lines: string) {
  project.write(
    "drive.ts",
    `
    import { valetkey } from "./uploads.ts";
    await valetkey.ready();
    const origin = "http://127.0.0.1:8787";
    Object.assign(globalThis, { location: { origin } });
    const { fetch: toStore } = globalThis;
    globalThis.fetch = async (input, init) => {
      const url = String(input).replace(/^\\//, origin + "/");
      return url.startsWith(origin) ? valetkey.fetch(new Request(url, init)) : toStore(url, init);
    };
    const token = "token-of-mia";
    const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });
    ${lines}
    process.exit(0);
    `,
  );
  const env = {
    STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
    STORAGE_SECRET_KEY: minio?.secretKey ?? "",
  };
  const { code, output } = await project.run(["node", "drive.ts"], { env });
  expect(code, output).toBe(0);
  return output;
}

it.skipIf(minio === undefined)("the client uploads a file", async () => {
  const output = await inPage(`
    ${snippets.get("client.js")}
    const answer = await fetch(getUrl);
    console.log(answer.headers.get("content-type"), await answer.text(), key, fileUrl);
  `);
  expect(output).toMatch(/^100$/m);
  expect(output).toMatch(
    /image\/png the bytes of a picture orgs\/org_1\/files\/\S+\.png http:\/\/127\.0\.0\.1:8787\/api\//,
  );
});

it.skipIf(minio === undefined)("three lines of fetch also upload a file", async () => {
  const output = await inPage(`
    const headers = { "Content-Type": "application/json", Authorization: "Bearer " + token };
    const { name: filename, type: content_type, size } = file;
    const body = JSON.stringify({ filename, content_type, size });
    ${snippets.get("three-lines.js")}
    console.log(await (await fetch(get_url)).text());
  `);
  expect(output).toContain("the bytes of a picture");
});
