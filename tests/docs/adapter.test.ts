import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { hasDocker, RYUK } from "../support/container.ts";
import { MINIO_IMAGE } from "../support/minio.ts";
import { s3Client } from "../support/s3-store.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { makeProject, type Project, STRICT_PROJECT } from "../support/project.ts";
import { snippetsOf } from "../support/snippets.ts";

// What docs/adapters.md shows, in the project of somebody who has installed the package
// and Vitest, and has a store: the adapter, and how it proves itself and is used.

const onPage = snippetsOf("docs/adapters.md");
const EXAMPLE = new URL("../../deploy/examples/effect/own-store.ts", import.meta.url);
const snippets = new Map([...onPage, ["application.ts", readFileSync(EXAMPLE, "utf8")]]);
const docker = (...args: ReadonlyArray<string>) => promisify(execFile)("docker", args);
const hasImage = (image: string) => isFulfilled(docker("image", "inspect", image));
const isFulfilled = (work: Promise<unknown>) => work.then(...[true, false].map((is) => () => is));

/** How the contract is tried on a server in a container. */
const CONTAINED = "store.test.ts";
const server = await need("minio");
const isContained = await hasDocker();
/** Where it could not be pulled, the server in a container ends with its test alone. */
const ryuk = (await hasImage(RYUK)) ? undefined : { TESTCONTAINERS_RYUK_DISABLED: "true" };
const bucket = `adapter-${crypto.randomUUID()}`;
const STORE = {
  RECEIPT_KEY: receiptKey("test").toString("base64"),
  STORE_ENDPOINT: server?.endpoint ?? "",
  STORE_BUCKET: bucket,
  STORE_ACCESS_KEY: server?.accessKey ?? "",
  STORE_SECRET_KEY: server?.secretKey ?? "",
};

let project: Project;
beforeAll(async () => {
  project = await makeProject();
  for (const [name, code] of snippets) project.write(name, code);
  project.write("tsconfig.json", STRICT_PROJECT);
  for (const name of ["@types/node", "vitest"]) project.link(name);
  if (isContained) {
    await need("containers");
    project.link("testcontainers", "tests/containers");
    snippets.set(CONTAINED, snippetsOf("docs/test-your-application.md").get(CONTAINED) ?? "");
    project.write(CONTAINED, snippets.get(CONTAINED) ?? "");
    await haveImage(/GenericContainer\("(.+?)"/.exec(snippets.get(CONTAINED) ?? "")?.[1] ?? "");
  }
  if (server !== undefined) await s3Client(server).makeBucket(bucket);
});

it("the page has the snippets that are tested here, and an adapter of 60 lines at most", () => {
  expect([...onPage.keys()]).toEqual(["adapter.ts", "adapter.test.ts", "options.ts", "service.ts"]);
  expect(snippets.get("adapter.ts")?.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
});

it("every snippet compiles", async () => {
  const { code, output } = await project.run(["tsc", "-p", "."]);
  expect(code, output).toBe(0);
});

/** The contract, as the snippets register it, but for a change in one of them. */
async function prove({
  by = "adapter.test.ts",
  file = "adapter.ts",
  from = "",
  to = "",
  only = ".",
} = {}) {
  const code = snippets.get(file) ?? "";
  expect(code).toContain(from);
  project.write(file, code.replace(from, to));
  const { output } = await project.run(
    [
      "vitest",
      "run",
      by,
      `--testNamePattern=${only}`,
      "--reporter=default",
      "--reporter=json",
      "--outputFile.json=report.json",
    ],
    { env: { ...STORE, ...ryuk } },
  );
  project.write(file, code);
  const { testResults } = JSON.parse(readFileSync(join(project.folder, "report.json"), "utf8"));
  const tests: ReadonlyArray<{ status: string; title: string; ancestorTitles: Array<string> }> =
    testResults[0].assertionResults;
  const failed = tests.filter(({ status }) => status === "failed");
  return { tests, failed: failed.map(({ title }) => title), output };
}

it.skipIf(server === undefined)("the adapter keeps every promise of the contract", async () => {
  const { tests, failed, output } = await prove(isContained ? { by: CONTAINED } : {});
  expect(failed, output).toEqual([]);
  expect(tests.length).toBeGreaterThan(50);
  const name = isContained ? "my store in a container" : "my store";
  expect(tests[0]?.ancestorTitles[0]?.replace(name, "NAME")).toMatch(
    /^NAME \(without: two endpoints, .*reads, copies, .*unsigned headers, scan tags, scoped credentials\)$/,
  );
});

it.skipIf(server === undefined)(
  "an adapter that binds less than it promises fails the contract",
  async () => {
    const { failed } = await prove({
      from: "s3Binding(abilities)",
      to: 's3Binding(Vk.abilitiesWithout("write-once"))',
      only: "replayed under strict|a PUT as granted is stored",
    });
    expect(failed).toEqual(["a PUT cannot be replayed under strict"]);
  },
);

it.skipIf(server === undefined)(
  "the contract asks by name for what the harness lacks",
  async () => {
    const { output } = await prove({
      file: "adapter.test.ts",
      from: '"two endpoints", ',
      to: "",
      only: "a PUT as granted is stored",
    });
    expect(output).toContain('give it, or say without: ["two endpoints"]');
  },
);

/** Our own server takes the place of an image that cannot be pulled. */
async function haveImage(image: string): Promise<void> {
  const isHere = (await hasImage(image)) || (await isFulfilled(docker("pull", image)));
  if (!isHere) await docker("tag", MINIO_IMAGE, image);
}

/** Runs a few lines beside the snippets; what they write is JSON. */
async function run(lines: string) {
  project.write("drive.ts", `${lines}\nprocess.exit(0);\n`);
  const { code, output } = await project.run(["node", "drive.ts"], { env: STORE });
  expect(code, output).toBe(0);
  return output;
}

it.skipIf(server === undefined)("an Effect application uploads by it", async () => {
  const output = await run(`
    import * as Effect from "effect/Effect";
    import { upload } from "./application.ts";
    const { put, get } = await Effect.runPromise(upload);
    const store = (body) => fetch(put.url, { method: "PUT", headers: put.headers, body });
    const larger = await store("123456");
    const stored = await store("12345");
    const read = await (await fetch(get.url)).text();
    console.log(JSON.stringify([larger.status, stored.status, read]));
  `);
  expect(output).toContain('[403,200,"12345"]');
});

it.skipIf(server === undefined)("every other application uploads and confirms by it", async () => {
  const output = await run(`
    import { valetkey } from "./service.ts";
    await valetkey.ready();
    const caller = { id: "mia" };
    const asked = { caller, organization: "acme" };
    const { putUrl, putHeaders, receipt } = await valetkey.requestUpload({
      ...asked, filename: "a.txt", contentType: "text/plain", size: 5,
    });
    const put = await fetch(putUrl, { method: "PUT", headers: putHeaders, body: "12345" });
    const confirmed = await valetkey.confirmUpload({ ...asked, receipt });
    console.log(JSON.stringify([put.status, confirmed.size, confirmed.contentType]));
    await valetkey.close();
  `);
  expect(output).toContain('[200,5,"text/plain"]');
});
