import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createValetkey } from "../../../adapters/embed/index.ts";
import { local } from "../../../adapters/embed/local.ts";
import { OPERATIONS } from "../../../adapters/http/app/routes.ts";
import { receiptKey } from "../../support/receipt-key.ts";
import type { Target } from "../engine.ts";

// Bodies of requests. An input is the path below `files/` in a line of its own, and then the body.

const directory = mkdtempSync(join(tmpdir(), "valetkey-fuzz-bodies-"));
const valetkey = createValetkey({
  storage: local({ directory }),
  publicUrl: "http://127.0.0.1:8787",
  organizations: (slug) => slug,
  authenticate: () => ({ id: "mia" }),
  receiptKeys: [`fuzz:${receiptKey("fuzz").toString("base64")}`],
  policy: { linkLifetime: "1 day" },
  log: () => undefined,
});

async function send(path: string, body: string): Promise<{ status: number; answer: string }> {
  const response = await valetkey.fetch(
    new Request(`http://127.0.0.1:8787/api/v1/orgs/acme/files/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    }),
  );
  return { status: response.status, answer: await response.text() };
}

async function run(input: Buffer): Promise<void> {
  const line = input.indexOf("\n");
  const path = input.subarray(0, Math.max(line, 0)).toString("latin1");
  if (!PATHS.includes(path)) return;
  const body = input.subarray(line + 1).toString();
  const first = await send(path, body);
  if (first.status >= 500) throw new Error(`${path} answered ${first.status}: ${first.answer}`);
  const answer = JSON.parse(first.answer);
  if (first.status >= 400 && !/^[A-Z_]+$/.test(answer.code)) {
    throw new Error(`${path} refused with ${first.answer}`);
  }
  if (first.status === 413) return;
  const value = parsed(body);
  if (value === undefined) {
    if (first.status !== 400) throw new Error(`${path} answered ${first.status} to no JSON`);
    return;
  }
  // The same value in other words is answered alike.
  const again = await send(path, JSON.stringify(value));
  if (
    again.status !== 413 &&
    (again.status !== first.status || codeIn(again.answer) !== answer.code)
  ) {
    throw new Error(`${path} answered ${first.answer}, and ${again.answer} to the same value`);
  }
  if (path === "presign" && first.status === 200) expectGrant(value, answer);
}

/** No grant is for anything else than what was asked. */
function expectGrant(value: unknown, answer: Readonly<Record<string, unknown>>): void {
  const { content_type: type } = value as Readonly<Record<string, unknown>>;
  const headers = answer["put_headers"] as Readonly<Record<string, string>>;
  if (headers["Content-Type"] !== type)
    throw new Error(`asked ${type}, signed ${headers["Content-Type"]}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const codeIn = (answer: string): unknown => JSON.parse(answer).code;

/** Those that answer without a file of the store. */
const PATHS = [
  ...new Set(
    Object.values(OPERATIONS)
      .filter(({ methods: [method], body }) => method === "POST" && body !== undefined)
      .map(({ path }) => path.split("/files/")[1] ?? `../${path.split("/:slug/")[1]}`),
  ),
];

const FILE = { filename: "a.png", content_type: "image/png", size: 5 };
const SEEDS: ReadonlyArray<readonly [path: string, body: unknown]> = [
  ["presign", FILE],
  ["presign", { ...FILE, strict: true, policy: "files" }],
  ["presign", { ...FILE, checksum: { algorithm: "sha256", value: "A".repeat(43) + "=" } }],
  ["batch", { files: [FILE, FILE], policy: "files", metadata: { album: "a" } }],
  ["confirm", { receipt: "v1.fuzz.e30.AAAA" }],
  ["confirm/batch", { receipts: ["v1.fuzz.e30.AAAA", "v1.fuzz.e30.AAAA"] }],
  ["links", { receipt: "v1.fuzz.e30.AAAA", expires_in: 60 }],
  ["../credentials", { policy: "files", expires_in: 3600, max_bytes: 5 }],
  ["../credentials/complete", { grant: "v2.fuzz.e30.AAAA" }],
  ["multipart", { ...FILE, size: 6_000_000 }],
  ["multipart/parts", { upload: "v1.fuzz.e30.AAAA", part_numbers: [1, 2] }],
  ["multipart/complete", { upload: "v1.fuzz.e30.AAAA", parts: [{ part_number: 1, etag: '"a"' }] }],
];

export const bodies: Target = {
  name: "bodies",
  run,
  seeds: SEEDS.map(([path, body]) => Buffer.from(`${path}\n${JSON.stringify(body)}`)),
  words: [
    ...PATHS,
    ..."filename content_type size checksum policy strict files metadata receipt upload parts part_number etag expires_in algorithm value sha256 crc32c md5 __proto__ constructor"
      .split(" ")
      .map((word) => `"${word}"`),
    ...'null true -1 1e400 9007199254740993 [] {} [[ {" \\ud800 \\u0000 image/svg+xml ;charset= text/plain'.split(
      " ",
    ),
  ],
  work: [10_000, 100],
  stop: async () => {
    await valetkey.close();
    rmSync(directory, { recursive: true, force: true });
  },
};
