import { build } from "esbuild";
import { beforeAll, expect, it } from "vitest";
import { makeProject, type Project } from "../support/project.ts";

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});

it("a bundle can be made without a client library, and says so where it is needed", async () => {
  project.write(
    "host.js",
    `
import { createValetkey } from "valetkey";
import { minio } from "valetkey/minio";

const valetkey = createValetkey({
  storage: minio({ endpoint: "http://127.0.0.1:9", accessKey: "access-key", secretKey: "secret-key" }),
  publicUrl: "https://app.example.com",
  organizations: (slug) => slug,
  log: () => undefined,
});
await valetkey.ready().catch((error) => console.log(error.message));
await valetkey.close();
`,
  );
  await build({
    absWorkingDir: project.folder,
    entryPoints: ["host.js"],
    outfile: "bundle/host.js",
    bundle: true,
    format: "esm",
    platform: "node",
    logLevel: "error",
  });
  const { output } = await project.run(["node", "bundle/host.js"]);
  // What a bundle cannot know is the range.
  expect(output).toMatch(/minio, which is not installed; install it with: npm install minio\n$/);
});
