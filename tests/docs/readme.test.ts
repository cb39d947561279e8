import { afterAll, beforeAll, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { makeProject, type Project } from "../support/project.ts";
import { snippetsOf } from "../support/snippets.ts";

// The README's client and its package, together: the page of an application that embeds Valetkey.

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
