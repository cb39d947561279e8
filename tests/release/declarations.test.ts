import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { makeFolder } from "../support/make-folder.ts";
import { unpacked } from "../support/packed.ts";

// The build writes the declarations of the calls, which in the sources follow from the operations.

const ROOT = new URL("../..", import.meta.url).pathname;
const folder = makeFolder();
beforeAll(async () => {
  mkdirSync(join(folder, "node_modules/@types"), { recursive: true });
  symlinkSync(await unpacked(), join(folder, "node_modules/valetkey"));
  for (const name of ["effect", "hono", "@types/node"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
});

/** What the compiler finds wrong with these files, in a project that also checks declarations. */
function faultsOf(files: Readonly<Record<string, string>>, skipLibCheck = false): string {
  const compilerOptions = {
    target: "ES2024",
    lib: ["ES2024", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    module: "NodeNext",
    types: skipLibCheck ? ["node"] : [],
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    // As it is linked: Node finds Effect beside the link.
    preserveSymlinks: !skipLibCheck,
    skipLibCheck,
  };
  const project = { compilerOptions, files: Object.keys(files) };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), code);
  const { stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder });
  return stdout.toString();
}

it("a strict project compiles its calls, and a wrong option is its only error", () => {
  const calls = `
    import { createValetkey, type Confirmation, type Policy } from "valetkey";
    import { local } from "valetkey/local";
    const storage = local();
    const valetkey = createValetkey({ storage, publicUrl: "https://a.example", organizations: (slug) => slug });
    const asked = { caller: { id: "mia" }, organization: "acme" };
    export const confirmed: Promise<Confirmation> = valetkey.confirmUpload({ ...asked, receipt: "" });
    export const policies: Promise<ReadonlyArray<Policy>> = valetkey.policies(asked);
    export const link = valetkey.makeLink({ ...asked, receipt: "", expiresIn: undefined });
  `;
  const wrong = `${calls} void valetkey.makeLink({ ...asked, receipt: "", expires: 1 });`;
  expect(faultsOf({ "right.ts": calls, "wrong.ts": wrong })).toMatch(
    /^wrong\.ts.*'expires' does not exist.*\n$/,
  );
});

it("the declared calls are those of the operations, and the declared events those of the rules", () => {
  const same = `
    import type { UploadEvent as DeclaredEvent } from "${folder}/node_modules/valetkey/dist/adapters/embed/events.js";
    import type { UploadEvent } from "${ROOT}adapters/embed/events.ts";
    export const declaredEvent = (event: UploadEvent): DeclaredEvent => event;
    export const derivedEvent = (event: DeclaredEvent): UploadEvent => event;
    import type { Calls as Declared, ValetkeyError as DeclaredError } from "${folder}/node_modules/valetkey/dist/adapters/embed/operations.js";
    import type { Calls, ValetkeyError } from "${ROOT}adapters/embed/operations.ts";
    export const declared = (calls: Calls): Declared => calls;
    export const derived = (calls: Declared): Calls => calls;
    export const declaredError = (error: ValetkeyError): DeclaredError => error;
    export const derivedError = (error: DeclaredError): ValetkeyError => error;
  `;
  expect(faultsOf({ "same.ts": same }, true)).toBe("");
});
