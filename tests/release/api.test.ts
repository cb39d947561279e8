import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  type IConfigFile,
} from "@microsoft/api-extractor";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { makeFolder } from "../support/make-folder.ts";
import { unpacked } from "../support/packed.ts";

// What each entry point declares, as others see it, is kept in api/: a change that breaks them is
// a change of one of these files. `npm run generate -- declarations` writes them anew.

const ROOT = new URL("../..", import.meta.url).pathname;
const { exports, peerDependenciesMeta } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
);

/** Entry points by their names in the reports, with their declarations. */
const ENTRIES: ReadonlyMap<string, string> = new Map(
  Object.entries<string>(exports)
    .filter(([, target]) => target.endsWith(".js"))
    .map(([entry, target]) => [
      entry === "." ? "valetkey" : entry.slice("./".length),
      target.replace(/\.js$/, ".d.ts"),
    ]),
);

/** Those that are for people who know Effect; the types of all others are plain. */
const OF_EFFECT: ReadonlySet<string> = new Set(["contract", "effect"]);

const folder = makeFolder();
const reports = new Map<string, string>();
beforeAll(async () => {
  cpSync(await unpacked(), folder, { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "reports"));
  const configs = [...ENTRIES].map(([entry, file]) => [entry, configOf(entry, file)] as const);
  const [first] = configs;
  if (first === undefined) return;
  const compilerState = CompilerState.create(first[1], {
    additionalEntryPoints: [...ENTRIES.values()].map((file) => join(folder, file)),
  });
  for (const [entry, config] of configs) {
    const problems: Array<string> = [];
    const { succeeded } = Extractor.invoke(config, {
      localBuild: true,
      compilerState,
      messageCallback: (message) => {
        if (message.logLevel === "error") problems.push(message.text);
        message.handled = true;
      },
    });
    if (!succeeded) throw new Error(`${entry}: ${problems.join("\n")}`);
    reports.set(entry, readFileSync(config.reportFilePath, "utf8"));
  }
});

function configOf(entry: string, file: string): ExtractorConfig {
  const none = { default: { logLevel: "none" } } as const;
  const configObject = {
    projectFolder: folder,
    mainEntryPointFilePath: join(folder, file),
    compiler: {
      overrideTsconfig: {
        compilerOptions: {
          target: "ES2024",
          lib: ["ES2024", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
          module: "NodeNext",
          types: ["node"],
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: true,
          allowImportingTsExtensions: true,
          noEmit: true,
        },
        files: [...ENTRIES.values()].map((each) => join(folder, each)),
      },
    },
    apiReport: {
      enabled: true,
      // What is not exported can still be part of what is.
      includeForgottenExports: true,
      reportFileName: `${entry}.api.md`,
      reportFolder: join(folder, "reports"),
      reportTempFolder: join(folder, "temporary"),
    },
    newlineKind: "lf",
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      compilerMessageReporting: { default: { logLevel: "error" } },
      extractorMessageReporting: none,
      tsdocMessageReporting: none,
    },
  } as IConfigFile;
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, "package.json"),
  });
}

const entries = [...ENTRIES.keys()];
const reportOf = (entry: string) => reports.get(entry) ?? "";

it.each(entries)("%s declares what its report says", async (entry) => {
  expect(reportOf(entry)).toContain("// @public");
  await expect(reportOf(entry)).toMatchFileSnapshot(`api/${entry}.api.md`);
});

it.each(entries)("%s speaks of Effect only where that is what it is for", (entry) => {
  const speaks = /^import .* from 'effect[/']/m.test(reportOf(entry));
  expect(speaks).toBe(OF_EFFECT.has(entry));
});

it.each(entries)("%s can be compiled against without any client library", (entry) => {
  for (const name of Object.keys(peerDependenciesMeta)) {
    // A plugin is a part of Uppy.
    if (entry === "uppy" && name === "@uppy/core") continue;
    if (["effect", "hono"].includes(name)) continue;
    expect(reportOf(entry)).not.toContain(`from '${name}`);
  }
});
