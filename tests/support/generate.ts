import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { certifiedStores } from "./certified-stores.ts";
import { standsOn } from "../../adapters/contract/promises/promises.ts";
import { configurationPage } from "./configuration-page.ts";
import { errorsPage } from "./errors-page.ts";
import { storesPage } from "./stores-page.ts";

// `npm run generate` writes what is made from the code, `npm run generate -- NAME` one of it;
// `--help` has the names.

const ROOT = new URL("../..", import.meta.url).pathname;

function writePages(): void {
  const pages = {
    configuration: configurationPage(),
    errors: errorsPage(),
    stores: storesPage(),
  };
  for (const [name, page] of Object.entries(pages)) writeFileSync(`${ROOT}docs/${name}.md`, page);
}

const run = (command: string, args: ReadonlyArray<string>): void => {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
};

function writeCertified(): void {
  const file = `${ROOT}adapters/storage/certificate/certified.json`;
  writeFileSync(file, JSON.stringify(certifiedStores()));
  run("oxfmt", [file]);
}

function writeStandsOn(): void {
  const file = `${ROOT}adapters/storage/certificate/stands-on.json`;
  writeFileSync(file, JSON.stringify(standsOn));
  run("oxfmt", [file]);
}

/** Lets a test write the file that it compares with. */
const update = (test: string) => () => run("vitest", ["run", `tests/${test}.test.ts`, "--update"]);

const TRACES = "tests/service/traces.test.ts";

interface Generated {
  readonly purpose: string;
  readonly write: (args: ReadonlyArray<string>) => void;
  /** Written only if it is named. */
  readonly isExtra?: true;
}

const GENERATED: Readonly<Record<string, Generated>> = {
  certified: {
    purpose: "what certificates prove of providers, for their table",
    write: writeCertified,
  },
  pages: {
    purpose: "the pages of docs/ that are made from settings and tables",
    write: writePages,
  },
  openapi: { purpose: "the outline of the API's document", write: update("unit/http/openapi") },
  contract: { purpose: "the promises that stores keep", write: update("embed/contract") },
  "stands-on": {
    purpose: "the promises that an ability of a store stands on",
    write: writeStandsOn,
  },
  declarations: { purpose: "what the package declares", write: update("release/api") },
  certificates: {
    purpose:
      "certificates and their pages, of PROVIDER[@VERSION]=http://KEY:SECRET@HOST:PORT … or of a MinIO",
    write: (servers) => run("node", ["tests/support/write-certificates.ts", ...servers]),
    isExtra: true,
  },
  "certificate-page": {
    purpose: "the page of a certificate, FILE.json …",
    write: (files) => run("node", ["tests/support/write-certificates.ts", "--page", ...files]),
    isExtra: true,
  },
  picture: {
    purpose: "the README's picture of the page",
    write: () => run("node", ["tests/support/write-picture.ts"]),
    isExtra: true,
  },
  trace: {
    purpose: "the picture of a confirm as spans, in docs/traces.md",
    write: () => run("env", ["WRITE_PICTURE=1", "vitest", "run", "--mode=all", TRACES]),
    isExtra: true,
  },
};

const [first, ...others] = process.argv.slice(2);
if (first?.startsWith("-")) {
  for (const [name, { purpose }] of Object.entries(GENERATED)) {
    console.log(name.padEnd(17), purpose);
  }
} else if (first === undefined) {
  for (const { write, isExtra } of Object.values(GENERATED)) if (!isExtra) write([]);
} else if (Object.hasOwn(GENERATED, first)) {
  GENERATED[first]?.write(others);
} else {
  console.error(`nothing is generated as ${first}; see npm run generate -- --help`);
  process.exitCode = 64;
}
