import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { parse as parseYaml } from "yaml";
import { type Certificate, digestOf } from "../../adapters/storage/certificate/certificate.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { s3Client } from "../support/s3-store.ts";
import { need } from "../support/need.ts";

// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

// Runs the lines of .github/workflows/certify.yml in a clone, as GitHub's runner does.

const ROOT = new URL("../..", import.meta.url).pathname;
const minio = await need("minio");

interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const steps: ReadonlyArray<Step> = parseYaml(
  readFileSync(join(ROOT, ".github/workflows/certify.yml"), "utf8"),
).jobs.certify.steps;

const folder = makeFolder();
/** The repository, and the working tree of who keeps it. */
const origin = join(folder, "origin.git");
const tree = join(folder, "tree");
const programs = join(folder, "bin");
const calls = join(folder, "calls");
const openProposals = join(folder, "open");
const few = join(folder, "few.mjs");
const BUCKET = `certified-at-night-${process.pid}`;
const CERTIFICATE = "adapters/storage/certificate/stores/minio.json";
const BRANCH = "certificate/minio";
const PROMISE = "a PUT cannot be replayed under writeOnce";

const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=Mia", "-c", "user.email=mia@example.com", ...args], {
    cwd,
    encoding: "utf8",
  });

/** Puts what is in the working tree here into a repository of its own. */
beforeAll(() => {
  const files = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard");
  for (const file of files.split("\0")) {
    if (file === "" || file === CERTIFICATE || !existsSync(join(ROOT, file))) continue;
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(tree, file));
  }
  git(tree, "init", "--quiet", "--initial-branch", "main");
  git(tree, "add", ".");
  git(tree, "commit", "--quiet", "--message", "All of it");
  git(folder, "clone", "--quiet", "--bare", tree, origin);
  git(tree, "remote", "add", "origin", origin);
  mkdirSync(programs);
  // GitHub's own program, which keeps what it is asked.
  program(
    "gh",
    `echo "gh $*" >>"${calls}"
case "$*" in
  "pr list"*) cat "${openProposals}" ;;
  "pr create"*) cat "$RUNNER_TEMP/body.md" >>"${calls}" ;;
esac`,
  );
  // Fewer rounds and promises, in this process and those that it starts.
  writeFileSync(
    few,
    `await import(${JSON.stringify(join(tree, "tests/support/few-rounds.ts"))});
const { PROMISES } = await import(process.cwd() + "/adapters/contract/promises/promises.ts");
const kept = PROMISES.filter(({ title }, at) => title === "${PROMISE}" || ${isFullRun} || at % 5 === 0);
PROMISES.splice(0, Infinity, ...kept);`,
  );
  program("node", `PATH="\${PATH#*:}" exec node --import "${few}" "$@"`);
  // The packages are there.
  program("npm", `[ "$1" = ci ] || PATH="\${PATH#*:}" exec npm "$@"`);
});

function program(name: string, lines: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(programs, name), 0o755);
}

const SECRETS = {
  STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
  STORAGE_SECRET_KEY: minio?.secretKey ?? "",
};

/** Runs the job on a new machine, and gives what it logged and asked GitHub's program. */
function runJob(
  contexts: Readonly<Record<string, Readonly<Record<string, string>>>>,
  { open = 0 } = {},
) {
  const temp = mkdtempSync(join(folder, "run-"));
  const clone = join(temp, "clone");
  const output = join(temp, "output");
  writeFileSync(output, "");
  writeFileSync(calls, "");
  writeFileSync(openProposals, `${open}\n`);
  git(temp, "clone", "--quiet", origin, clone);
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
  const valueOf = (_: string, context: string, name: string) => contexts[context]?.[name] ?? "";
  let log = "";
  let code = 0;
  for (const { run, env = {}, ...step } of steps) {
    if (run === undefined || code !== 0) continue;
    if (step.if !== undefined) {
      expect(step.if).toBe("steps.certify.outputs.changed == 'yes'");
      if (!readFileSync(output, "utf8").includes("changed=yes\n")) continue;
    }
    const given = Object.entries(env).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{\{ (\w+)\.(\w+) \}\}/g, valueOf),
    ]);
    const { status, stdout, stderr } = spawnSync("bash", ["-e", "-c", run], {
      cwd: clone,
      encoding: "utf8",
      env: {
        ...CHILD_ENV,
        ...Object.fromEntries(given),
        PATH: `${programs}${delimiter}${CHILD_ENV.PATH}`,
        RUNNER_TEMP: temp,
        GITHUB_OUTPUT: output,
      },
    });
    log += stdout + stderr;
    code = status ?? 1;
  }
  return { code, log, asked: readFileSync(calls, "utf8") };
}

it("a store without a bucket or a key is said to be off, and its job succeeds", () => {
  for (const contexts of [
    { vars: { STORAGE_BUCKET: "files" } },
    { secrets: { STORAGE_ACCESS_KEY: "key", STORAGE_SECRET_KEY: "secret" } },
  ]) {
    const { code, log, asked } = runJob({ ...contexts, matrix: { store: "r2", adapter: "aws" } });
    expect(code, log).toBe(0);
    expect(log).toBe("::notice::r2 is off: the environment certify-r2 has no bucket or no key.\n");
    expect(asked).toBe("");
  }
});

const certifyMinio = ({ endpoint = minio?.endpoint ?? "", open = 0 } = {}) =>
  runJob(
    {
      matrix: { store: "minio", adapter: "minio", provider: "minio" },
      vars: { STORAGE_ENDPOINT: endpoint, STORAGE_BUCKET: BUCKET },
      secrets: SECRETS,
      github: { token: "a-token-of-github" },
    },
    { open },
  );

const proposed = (file: string) => git(origin, "show", `${BRANCH}:${file}`);

/** Accepts the proposal, with the certificate as `change` leaves it. */
function accept(change = (certificate: Certificate): Certificate => certificate): void {
  git(tree, "fetch", "--quiet", "origin");
  git(tree, "merge", "--quiet", `origin/${BRANCH}`);
  const path = join(tree, CERTIFICATE);
  const changed = change(JSON.parse(readFileSync(path, "utf8")));
  const whole = { ...changed, digest: digestOf(changed) };
  writeFileSync(path, `${JSON.stringify(whole, undefined, 2)}\n`);
  git(tree, "commit", "--quiet", "--all", "--allow-empty", "--message", "Accept it");
  git(tree, "push", "--quiet", "origin", "main", `:${BRANCH}`);
}

describe.skipIf(minio === undefined)("on a real MinIO", () => {
  beforeAll(async () => {
    if (minio !== undefined) await s3Client(minio).makeBucket(BUCKET);
  });

  it("the first certificate is proposed, with its page, and without a secret", () => {
    const { code, log, asked } = certifyMinio();
    expect(code, log).toBe(0);
    expect(asked).toContain(`gh pr create --head ${BRANCH} --title Certify minio anew `);
    const { bucket, promises, date }: Certificate = JSON.parse(proposed(CERTIFICATE));
    expect(bucket).toBe(BUCKET);
    expect(promises.filter(({ outcome }) => outcome === "kept").length).toBeGreaterThan(
      isFullRun ? 90 : 15,
    );
    expect(proposed("docs/stores/minio.md")).toContain(date);
    for (const text of [log, asked, proposed(CERTIFICATE)]) {
      expect(text).not.toContain(SECRETS.STORAGE_SECRET_KEY);
      expect(text).not.toContain("a-token-of-github");
    }
  });

  it("nothing is proposed while the store keeps what its certificate says", () => {
    accept();
    const { code, log, asked } = certifyMinio();
    expect(code, log).toBe(0);
    expect(log).toContain("::notice::minio keeps what its certificate says.");
    expect(asked).toBe("");
    expect(git(origin, "branch", "--list", "certificate/*")).toBe("");
  });

  it("a promise that changed is proposed by its name, in the proposal that is open if one is", () => {
    git(tree, "push", "--quiet", "origin", `main:${BRANCH}`);
    accept(({ promises, ...certificate }) => ({
      ...certificate,
      promises: promises.map((finding) =>
        finding.promise === PROMISE
          ? { promise: PROMISE, outcome: "broken", why: "it was" }
          : finding,
      ),
    }));
    const { code, log, asked } = certifyMinio({ open: 1 });
    expect(code, log).toBe(0);
    expect(log).toContain(PROMISE);
    expect(asked).toBe(
      `gh auth setup-git\ngh pr list --head ${BRANCH} --json number --jq length\n`,
    );
    const { promises }: Certificate = JSON.parse(proposed(CERTIFICATE));
    expect(promises).toContainEqual({ promise: PROMISE, outcome: "kept" });
  });

  it("a store that cannot be reached fails its job, and nothing is proposed", () => {
    const { code, log, asked } = certifyMinio({ endpoint: "http://127.0.0.1:1" });
    expect(code, log).toBe(2);
    expect(log).toContain("::error::minio could not be tried to the end");
    expect(asked).toBe("");
  });
});
