import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { cpuOf, memoryOf } from "./cpu.ts";
import { markdown, short } from "./rounds.ts";

// Measures how soon the built service listens, bundled as in the image and not, what
// CPU it has used by then, how long the first presign takes, and what memory it holds when idle.
// The store answers nothing. Of several starts the least counts, and of memory the most.

const ROOT = new URL("../..", import.meta.url).pathname;
execFileSync("npm", ["run", "bundle"], { cwd: ROOT, stdio: "inherit" });
const ROUNDS = 5;
const TOKEN = "a-token-of-the-benchmark";
const folder = mkdtempSync(join(tmpdir(), "valetkey-start-"));

const S3 = {
  STORAGE_ENDPOINT: "http://127.0.0.1:8000",
  STORAGE_ACCESS_KEY: "of-the-benchmark",
  STORAGE_SECRET_KEY: "of-the-benchmark",
};
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ADAPTERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  local: { STORAGE_LOCAL_DIR: join(folder, "objects") },
  minio: S3,
  aws: S3,
  gcs: {
    STORAGE_ENDPOINT: S3.STORAGE_ENDPOINT,
    STORAGE_GCS_CREDENTIALS: JSON.stringify({
      type: "service_account",
      client_email: "signer@project.iam.gserviceaccount.com",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    }),
  },
};

interface Start {
  readonly listening: number;
  readonly cpu: number;
  readonly presign: number;
  readonly resident: number;
}

async function start(program: string, adapter: string): Promise<Start> {
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(process.execPath, [join(ROOT, program)], {
    cwd: folder,
    env: {
      ...ADAPTERS[adapter],
      STORAGE_ADAPTER: adapter,
      NODE_COMPILE_CACHE: join(folder, "compiled"),
      PORT: String(port),
      LOG_FORMAT: "json",
      DEV_TOKEN: TOKEN,
      SHUTDOWN_GRACE: "0 seconds",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = child.pid ?? 0;
  // It says so as soon as it listens.
  let output = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk);
    if (output.includes('"ready"')) break;
  }
  const listening = performance.now() - begun;
  const cpu = cpuOf(pid) / 1000;
  child.stdout.resume();
  await setTimeout(2000);
  const { resident } = memoryOf(pid);
  const asked = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/orgs/acme/files/presign`, {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
    body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 1 }),
  });
  await answer.text();
  const presign = performance.now() - asked;
  child.kill();
  await once(child, "exit");
  if (answer.status !== 200) throw new Error(`presign: ${answer.status}\n${output}`);
  return { listening, cpu, presign, resident: resident / 1e6 };
}

const subjects = ["bundle/node.js", "dist/deploy/node.js"].flatMap((program) =>
  Object.keys(ADAPTERS).map((adapter) => ({ program, adapter, starts: new Array<Start>() })),
);
try {
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { program, adapter, starts } of subjects) {
      const measured = await start(program, adapter);
      // The first fills the compile cache.
      if (round > 0) starts.push(measured);
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(
  markdown([
    ["", "store", "listens after ms", "ms of CPU", "first presign ms", "idle MB"],
    ...subjects.map(({ program, adapter, starts }) => [
      program,
      adapter,
      short(Math.min(...starts.map(({ listening }) => listening))),
      short(Math.min(...starts.map(({ cpu }) => cpu))),
      short(Math.min(...starts.map(({ presign }) => presign))),
      short(Math.max(...starts.map(({ resident }) => resident))),
    ]),
  ]),
);
