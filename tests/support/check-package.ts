import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Builds and packs the package, lints what was packed, installs it into an empty project, and
// imports and runs it there, with the runtime that runs this file.

const FILES =
  /^(dist\/(domain|application|adapters|deploy)\/|(LICENSE|README\.md|CHANGELOG\.md|package\.json)$)/;

const USE = `
import { createValetkey } from "valetkey";
import { minio } from "valetkey/minio";

const valetkey = createValetkey({
  storage: minio({
    endpoint: "http://127.0.0.1:9000",
    accessKey: "access-key",
    secretKey: "secret-key",
  }),
  publicUrl: "https://app.example.com",
  organizations: (slug) => slug,
  log: () => undefined,
});
const { putUrl } = await valetkey.requestUpload({
  caller: { id: "user-1" },
  organization: "acme",
  filename: "a.png",
  contentType: "image/png",
  size: 5,
});
console.log(new URL(putUrl).pathname);
`;

const folder = mkdtempSync(join(tmpdir(), "valetkey-package-"));
const run = (command: string, args: ReadonlyArray<string>, cwd?: string) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

try {
  run("npm", ["run", "--silent", "build"]);
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder]));
  const tarball = join(folder, packed.filename);
  const strays = packed.files.filter(({ path }: { path: string }) => !FILES.test(path));
  if (strays.length > 0) throw new Error(`not for the package: ${JSON.stringify(strays)}`);

  run("publint", ["run", tarball, "--strict"]);
  run("attw", [tarball, "--profile", "esm-only", "--format", "ascii"]);

  const project = join(folder, "project");
  execFileSync("mkdir", [project]);
  writeFileSync(join(project, "package.json"), '{"type":"module","private":true}');
  run("npm", ["install", "--silent", "--no-audit", "--no-fund", tarball], project);
  writeFileSync(join(project, "use.js"), USE);
  const key = run("node", ["use.js"], project).trim();
  const version = run(join(project, "node_modules/.bin/valetkey"), ["--version"], project).trim();
  console.log(`${packed.files.length} files, ${packed.size} bytes; ${version} signed ${key}`);
} finally {
  rmSync(folder, { recursive: true });
}
