import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { commandPath } from "../support/command-path.ts";
import { makeFolder } from "../support/make-folder.ts";
import { unpacked } from "../support/packed.ts";
import { RUNTIMES } from "../support/service-process.ts";

// What is said of a package that cannot be loaded, on each runtime: only one that is not there is
// called missing.

let folder: string;
beforeAll(async () => {
  folder = makeFolder();
  cpSync(await unpacked(), join(folder, "node_modules/valetkey"), { recursive: true });
  write("package.json", '{ "type": "module", "private": true }');
});

function write(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What somebody's `node_modules/minio` may be, and what is said when it is loaded. */
const CASES = {
  "one that is not there": {
    files: {},
    says: /^PackageMissing: the store minio needs the package minio, which is not installed; install it with: npm install minio@\^8\.0\.0$/,
  },
  "one whose own import is not there": {
    files: {
      "package.json": '{ "name": "minio", "type": "module", "exports": "./index.js" }',
      "index.js": 'import "absent-of-minio";',
    },
    says: /^(?!PackageMissing)\w+: .*'absent-of-minio'/,
  },
  "one whose own require is not there": {
    files: {
      "package.json": '{ "name": "minio", "main": "index.cjs" }',
      "index.cjs": 'require("absent-of-minio");',
    },
    says: /^(?!PackageMissing)\w+: .*'absent-of-minio'/,
  },
  "one that has lost a file": {
    files: { "package.json": '{ "name": "minio", "type": "module", "exports": "./gone.js" }' },
    says: /^(?!PackageMissing)\w+: .*minio/,
  },
  "one that fails": {
    files: {
      "package.json": '{ "name": "minio", "type": "module", "exports": "./index.js" }',
      "index.js": 'throw new RangeError("thrown by minio");',
    },
    says: /^RangeError: thrown by minio/,
  },
} as const;

const USE = `
import { neededBy } from "./node_modules/valetkey/dist/adapters/values/needed-by.js";

try {
  try {
    await import("minio");
  } catch (cause) {
    await neededBy("the store minio", "minio")(cause);
  }
} catch (cause) {
  console.log(cause.name + ": " + cause.message.split("\\n")[0]);
}
`;

const cases = Object.entries(CASES).flatMap(([what, { files, says }]) =>
  Object.keys(RUNTIMES).map((runtime) => ({ what, files, says, runtime })),
);

it.each(cases)(
  "$runtime says what is wrong with the package minio: $what",
  ({ files, says, runtime }) => {
    rmSync(join(folder, "node_modules/minio"), { recursive: true, force: true });
    for (const [name, text] of Object.entries(files)) write(`node_modules/minio/${name}`, text);
    write("use.js", USE);
    const output = execFileSync(commandPath(runtime), RUN[runtime] ?? ["use.js"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(output.trim()).toMatch(says);
  },
);

const RUN: Readonly<Record<string, ReadonlyArray<string>>> = {
  deno: ["run", "--allow-read", "use.js"],
};
