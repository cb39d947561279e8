import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { makeProject, type Project } from "../support/project.ts";
import { snippetsOf } from "../support/snippets.ts";

// The README's client and its package, together: the page of an application that embeds Valetkey.

const minio = inject("minio");
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
      .replace('"valetkey-development"', JSON.stringify(minio.secretKey))
      .replace('accessKey: "valetkey"', `accessKey: ${JSON.stringify(minio.accessKey)}`)
      .replace("createBucket: true", 'createBucket: true, bucket: "readme"'),
  );
}, 180_000);
afterAll(() => project?.remove());

it("has the snippets that are tested here, and no others", () => {
  expect([...snippets.keys()]).toEqual(["client.js", "uploads.ts"]);
});

it.skipIf(minio === undefined)("three steps upload a file, whoever serves them", async () => {
  project.write(
    "drive.ts",
    `
    import { valetkey } from "./uploads.ts";
    await valetkey.ready();
    const upload = async (token: string, file: File) => {
      // A page's own origin is the service; the store is elsewhere.
      const fetch = (url: string, init: RequestInit) => url.startsWith("/")
        ? valetkey.fetch(new Request("http://127.0.0.1:8787" + url, init))
        : globalThis.fetch(url, init);
      ${snippets.get("client.js")}
      return get_url;
    };
    const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });
    const answer = await fetch(await upload("token-of-mia", file));
    console.log(answer.headers.get("content-type"), await answer.text());
    process.exit(0);
    `,
  );
  const { code, output } = await project.run(["node", "drive.ts"]);
  expect(code, output).toBe(0);
  expect(output).toContain("image/png the bytes of a picture");
});
