import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { isFullRun } from "./tests/support/full-run.ts";
import { hasTestPassed, RUN } from "./tests/support/run.ts";

interface Suite {
  readonly name: string;
  readonly include?: Array<string>;
  readonly exclude?: Array<string>;
  readonly isolate?: boolean;
  readonly maxWorkers?: number;
  readonly groupOrder?: number;
  readonly provide?: { readonly tools: "azure" | "bundles" | "pages" | "release" | "runtimes" };
  readonly setupFiles?: Array<string>;
}

/** The suites of `npm test`, which need nothing but what is installed. */
const OWN: ReadonlyArray<Suite> = [
  // Rules alone: first results come at once.
  { name: "unit", groupOrder: 0 },
  // The service: as a part of another application, without a socket, and as a process.
  { name: "embed" },
  { name: "client", setupFiles: ["tests/client/restore.ts"] },
  { name: "http" },
  { name: "cli" },
  { name: "events" },
  { name: "service", isolate: true },
  // It has its own packages.
  { name: "azure", provide: { tools: "azure" }, setupFiles: ["tests/support/install.ts"] },
  // Those in other languages.
  { name: "clients", isolate: true },
  {
    name: "contract",
    // It is about users of a server of one's own, which adapters/storage/s3/policies/README.md has.
    exclude: process.env["TEST_S3_USERS_SECRET"] ? [] : ["tests/contract/bucket-policy.test.ts"],
  },
];

/**
 * Files of these suites that `npm test` leaves to the other commands: nothing in them can be tried
 * without the servers of others, or they take long for what they see.
 */
const LATER = [
  "tests/azure/*.test.ts",
  "tests/cli/{credentials-tools,doctor}.test.ts",
  "tests/clients/*.test.ts",
  "tests/embed/contract.test.ts",
  "tests/http/keyless.test.ts",
  "tests/service/cold.test.ts",
  "tests/contract/{added-parameters,behind-a-prefix,certificate,certify,certify-left,certify-peers,certify-r2,clamd,cors,credentials,images,nested-list}.test.ts",
  "tests/contract/{least-privilege,minio-container,requests,rode-along*,s3-lifecycle,store-reasons}.test.ts",
  "tests/contract/{versions,virtual-host}.test.ts",
  "tests/embed/scan.test.ts",
  "tests/events/stores.test.ts",
  "tests/service/{doctor-*,late-store,leftovers,limits-*redis*,switch-store}.test.ts",
];

/** Files that try the same by the embedded store, in memory or by a file, and by such servers. */
const BOTH = [
  "tests/contract/{attach,both-stores,cdn,contract,forget,limiter,list,move-files,names,objects-of-tools,same-etag}.test.ts",
  "tests/contract/{scoped-credentials,scoped-own,scoped-promises,sweep,upload-life,usage}.test.ts",
  "tests/events/{commands,outbox,usage}.test.ts",
  "tests/service/{metrics,traces}.test.ts",
];

/** The suites that only `npm run test:all` has. */
const OTHERS: ReadonlyArray<Suite> = [
  { name: "faults", isolate: true },
  { name: "model", isolate: true },
  { name: "attacks", exclude: ["tests/attacks/slow-*.test.ts"] },
  { name: "browser", isolate: true },
  { name: "docs" },
  { name: "deploy" },
  { name: "hosts", isolate: true },
  ...(["bundles", "pages", "release", "runtimes"] as const).map((name) => ({
    name,
    isolate: true,
    // Its own packages.
    provide: { tools: name },
    setupFiles: ["tests/support/install.ts"],
  })),
  // Clients that are slow, but not too slow: beside others on a busy machine they might be.
  {
    name: "slow",
    include: ["tests/attacks/slow-*.test.ts"],
    isolate: true,
    maxWorkers: 2,
    groupOrder: 2,
  },
];

/** Only the files of these patterns, for the suites that have any. */
const only = (patterns: ReadonlyArray<string>): ReadonlyArray<Suite> =>
  OWN.flatMap((suite) => {
    const include = patterns.filter((pattern) => pattern.startsWith(`tests/${suite.name}/`));
    return include.length > 0 ? [{ ...suite, include }] : [];
  });

const SUITES: Readonly<Record<typeof RUN, ReadonlyArray<Suite>>> = {
  test: OWN.map((suite) => ({ ...suite, exclude: [...(suite.exclude ?? []), ...LATER] })),
  stores: only([...LATER, ...BOTH]),
  all: [...(hasTestPassed ? only([...LATER, ...BOTH]) : OWN), ...OTHERS],
  named: [...OWN, ...OTHERS],
};

/**
 * What only a release has to prove: these install and build with what others publish. They run with
 * `TEST_FULL=on`, and where the command names them.
 */
const FULL = [
  "tests/hosts/astro.test.ts",
  "tests/hosts/nestjs.test.ts",
  "tests/hosts/nextjs.test.ts",
  "tests/hosts/nuxt.test.ts",
  "tests/hosts/react-router.test.ts",
  "tests/hosts/sveltekit.test.ts",
  "tests/hosts/tanstack-start.test.ts",
  "tests/release/package-managers.test.ts",
].filter((file) => !isFullRun && !process.argv.some((argument) => argument.includes(file)));

/** They take longest, so they begin first: none of them is left to one worker in the end. */
const LONG =
  /\/(?:deploy\/compose-up|hosts\/[\w-]+|clients\/\w+|browser\/client|runtimes\/same-suite|attacks\/fuzzed|cli\/(?:doctor|credentials-tools)|contract\/(?:contract|certify)|embed\/contract|model\/upload|service\/(?:doctor-\w+|leftovers|cold))\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

const rank = ({ project, moduleId }: TestSpecification) =>
  2 * project.config.sequence.groupOrder + (LONG.test(moduleId) ? 0 : 1);

export default defineConfig({
  test: {
    globalSetup: ["tests/support/setup.ts"],
    reporters: ["./tests/support/reporter.ts"],
    // What a service says while a test passes is no news.
    silent: "passed-only",
    // Most tests wait for servers and processes: a worker uses half a core.
    maxWorkers: availableParallelism() + 3,
    sequence: { sequencer: LongestFirst },
    projects: SUITES[RUN].map(({ groupOrder = 1, exclude = [], setupFiles = [], ...suite }) => ({
      test: {
        include: [`tests/${suite.name}/**/*.test.ts`],
        // Files share what they have loaded.
        isolate: false,
        ...suite,
        exclude: ["**/node_modules/**", ...exclude, ...FULL],
        setupFiles: [...(process.env["TEST_CPU"] ? ["tests/support/cpu.ts"] : []), ...setupFiles],
        env: { TEST_RUN: RUN },
        sequence: { groupOrder },
        // How long a test takes is no promise: these end one that hangs.
        testTimeout: 900_000,
        hookTimeout: 900_000,
        expect: { poll: { timeout: 300_000 } },
      },
    })),
  },
});
