import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import type { UploadStorage } from "../../../adapters/client/client.ts";

// The program that tests/clients/scenarios.ts runs, which describes its options. It only uploads.

const text = { type: "string" } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: text,
    org: text,
    "token-file": text,
    state: text,
    "retry-for": text,
    metadata: text,
    type: text,
    policy: text,
    hasten: text,
    apart: { type: "boolean" },
  },
});
const { base = "", org = "", state, metadata = '{"from":"a-client"}' } = values;
const [, ...files] = positionals;

// The clocks of the client, before it is loaded.
const hasten = Number(values.hasten ?? 1);
const { setTimeout, setInterval, performance, fetch } = globalThis;
const now = performance.now.bind(performance);
performance.now = () => now() * hasten;
Object.assign(globalThis, {
  setTimeout: (run: () => void, wait = 0, ...rest: []) => setTimeout(run, wait / hasten, ...rest),
  setInterval: (run: () => void, wait = 0) => setInterval(run, wait / hasten),
});

/** Counts the bytes that the network takes of bodies. */
let sent = 0;
globalThis.fetch = (url, init) => {
  const { body } = init ?? {};
  if (!(body instanceof ReadableStream)) return fetch(url, init);
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      sent += chunk.length;
      controller.enqueue(chunk);
    },
  });
  return fetch(url, { ...init, body: body.pipeThrough(count) });
};

/** A storage in a folder: a file for each entry, with its key. */
const inFolder = (folder: string): UploadStorage => {
  const path = (key: string) => join(folder, createHash("sha256").update(key).digest("hex"));
  const read = (name: string) => JSON.parse(fs.readFileSync(join(folder, name), "utf8"));
  return {
    get: (key) => (fs.existsSync(path(key)) ? read(basename(path(key)))[1] : undefined),
    set: (key, value) => {
      // Whole, also if the process is killed meanwhile.
      const next = `${folder}.${process.pid}`;
      fs.writeFileSync(next, JSON.stringify([key, value]));
      fs.renameSync(next, path(key));
    },
    delete: (key) => fs.rmSync(path(key), { force: true }),
    keys: () => fs.readdirSync(folder).map((name) => read(name)[0]),
  };
};

const { createClient, UploadError } = await import("../../../adapters/client/client.ts");
const newClient = () =>
  createClient({
    endpoint: base,
    organization: org,
    token: () => fs.readFileSync(values["token-file"] ?? "", "utf8").trim(),
    ...(state && { storage: inFolder(state) }),
    retry: { for: `${Number(values["retry-for"] ?? 300)} seconds` },
  });
const all = newClient();
const interrupted = new AbortController();
if (!state) process.once("SIGINT", () => interrupted.abort());

async function upload(path: string) {
  const { mtimeMs } = fs.statSync(path);
  const file = new File([await fs.openAsBlob(path)], basename(path), { lastModified: mtimeMs });
  const client = values.apart ? newClient() : all;
  const task = client.upload(file, {
    contentType: values.type,
    policy: values.policy,
    metadata: JSON.parse(metadata),
    signal: interrupted.signal,
    onProgress: ({ sent, total, retrying }) =>
      console.error("progress", sent, total, retrying?.reason ?? ""),
  });
  try {
    const { key, size, getUrl, fileUrl, receipt, contentType, metadata } = await task;
    const urls = { get_url: getUrl, file_url: fileUrl, receipt, content_type: contentType };
    return { key, size, metadata, ...urls };
  } catch (error) {
    if (!(error instanceof UploadError)) throw error;
    // Who does not try it again.
    task.abort();
    const { code, problem, status, message } = error;
    return { code: problem?.code ?? CODES[code] ?? inCapitals(code), status, message };
  }
}

const inCapitals = (code: string) => code.toUpperCase().replaceAll("-", "_");
const CODES: Readonly<Record<string, string>> = { unreachable: "STORE_OFFLINE" };

for (const file of files) {
  const outcome = { ...(await upload(file)), sent };
  const status = fs.readFileSync("/proc/self/status", "utf8");
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]);
  const line = JSON.stringify({ ...outcome, peak });
  if (files.length === 1 && "code" in outcome) {
    console.error(line);
    process.exitCode = 1;
  } else console.log(line);
}
