import { beforeAll, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { makeProject, type Project } from "../support/project.ts";
import { snippetsOf } from "../support/snippets.ts";

// The README's server, started as it stands, and its client in a page of the same origin.

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
  expect([...snippets.keys()]).toEqual(["client.js", "three-lines.js", "server.ts"]);
});

/** Runs a few lines in a page of the server's origin. */
async function inPage(lines: string) {
  project.write(
    "drive.ts",
    `
    import "./server.ts";
    const origin = "${origin}";
    Object.assign(globalThis, { location: { origin } });
    const { fetch: send } = globalThis;
    globalThis.fetch = (input, init) => send(String(input).replace(/^\\//, origin + "/"), init);
    const token = "token-of-mia";
    const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });
    ${lines}
    process.exit(0);
    `,
  );
  const { code, output } = await project.run(["node", "drive.ts"]);
  expect(code, output).toBe(0);
  return output;
}

it("the client uploads a file to the embedded service, and opens it", async () => {
  const output = await inPage(`
    const onProgress = ({ percent }) => console.log(percent);
    ${snippets.get("client.js")}
    const answer = await fetch(fileUrl, { headers: { Authorization: "Bearer " + token } });
    console.log(answer.headers.get("content-type"), await answer.text(), key, fileUrl);
  `);
  expect(output).toMatch(/^100$/m);
  expect(output).toContain("image/png the bytes of a picture orgs/org_1/files/");
  expect(output).toContain(`.png ${origin}/api/`);
});

it("three lines of fetch also upload a file", async () => {
  const output = await inPage(`
    const headers = { "Content-Type": "application/json", Authorization: "Bearer " + token };
    const { name: filename, type: content_type, size } = file;
    const body = JSON.stringify({ filename, content_type, size });
    ${snippets.get("three-lines.js")}
    console.log(await (await fetch(get_url)).text());
  `);
  expect(output).toContain("the bytes of a picture");
});
