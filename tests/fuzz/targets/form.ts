import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { openFolder } from "../../../adapters/storage/local/folder.ts";
import { postForm } from "../../../adapters/storage/local/form.ts";
import { objectPath } from "../../../adapters/storage/local/objects.ts";
import { Refused } from "../../../adapters/storage/local/refusal.ts";
import { AWS4_HMAC_SHA256 } from "../../../adapters/storage/signing/algorithms.ts";
import { signForm } from "../../../adapters/storage/signing/sign-form.ts";
import type { Target } from "../engine.ts";

// Forms of HTML, to the embedded store. An input is the body, whose boundary is always the same.

// In memory where that can be: a stored file is written through to the disk.
const MEMORY = "/dev/shm";
const directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "valetkey-fuzz-form-"));
const folder = await openFolder(directory);
const NOW = Date.UTC(2026, 10, 28, 12);
const store = {
  folder,
  bucket: "files",
  keys: {
    algorithm: AWS4_HMAC_SHA256,
    accessKey: "valetkey-local",
    secretKey: "of-the-fuzz-target",
  },
  region: "local",
  now: NOW,
};
const KEY = "orgs/acme/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png";
const TYPE = "multipart/form-data; boundary=----boundary";
const PATH = `/files/${KEY}`;
const SIZES = [1, 1000] as const;
const FIELDS = signForm(store.keys, {
  bucket: "files",
  fields: { key: KEY, "Content-Type": "image/png", success_action_status: "201" },
  sizes: SIZES,
  region: "local",
  now: NOW,
  expiresIn: 900,
});

async function run(input: Buffer): Promise<void> {
  const whole = await send([input]);
  // Where the bytes are cut on their way decides nothing.
  const at = input.reduce((sum, byte) => sum + byte, 0) % (input.length + 1);
  const cut = await send([input.subarray(0, at), input.subarray(at)]);
  if (cut !== whole) throw new Error(`${whole} at once, and ${cut} in pieces`);
  const [file = "", ...others] = readdirSync(folder.objects, {
    recursive: true,
    withFileTypes: true,
  }).flatMap((each) => (each.isFile() ? [join(each.parentPath, each.name)] : []));
  if (whole !== "stored") {
    if (file !== "") throw new Error(`${whole}, and stored`);
  } else if (others.length > 0 || file !== objectPath(folder, PATH)) {
    throw new Error(`stored ${[file, ...others].join(", ")}`);
  } else {
    rmSync(file);
    await expectSigned(input);
  }
  const left = readdirSync(folder.temporary);
  if (left.length > 0) throw new Error(`left ${left.join(", ")}`);
}

/** To another parser, a stored form has the fields that were signed, and a file of a size allowed. */
async function expectSigned(input: Buffer): Promise<void> {
  const read = await new Response(new Uint8Array(input), { headers: { "Content-Type": TYPE } })
    .formData()
    .catch(() => undefined);
  if (read === undefined) return;
  const entries = [...read];
  const last = entries.findIndex(([name]) => name === "file");
  const sent = entries.slice(0, last).map(([name, value]) => [name.toLowerCase(), value]);
  const signed = Object.entries(FIELDS).map(([name, value]) => [name.toLowerCase(), value]);
  const file = entries[last]?.[1];
  if (!isDeepStrictEqual(new Map(sent as never), new Map(signed as never))) {
    throw new Error(`stored with the fields ${JSON.stringify(sent)}`);
  }
  if (file instanceof Blob && (file.size < SIZES[0] || file.size > SIZES[1])) {
    throw new Error(`stored ${file.size} bytes`);
  }
}

async function send(pieces: ReadonlyArray<Buffer>): Promise<string> {
  const request = new Request("http://127.0.0.1:8787/files", {
    method: "POST",
    headers: {
      "Content-Type": TYPE,
      "Content-Length": String(pieces.reduce((sum, { length }) => sum + length, 0)),
    },
    body: Readable.toWeb(Readable.from(pieces)),
    duplex: "half",
  } as RequestInit);
  try {
    const response = await postForm(store, request);
    return response.status === 201 ? "stored" : `answered ${response.status}`;
  } catch (cause) {
    if (cause instanceof Refused) return cause.code;
    throw cause;
  }
}

const part = (headers: string, body: string) =>
  `------boundary\r\nContent-Disposition: form-data; ${headers}\r\n\r\n${body}\r\n`;
const fields = Object.entries(FIELDS).map(([name, value]) => part(`name="${name}"`, value));
const file = part('name="file"; filename="a.png"', "the bytes of the file");
const END = "------boundary--\r\n";

export const form: Target = {
  name: "form",
  run,
  seeds: [
    [...fields, file, END],
    [...fields, file, part('name="after"', "ignored"), END],
    [...fields, part('name="before"', "not signed"), file, END],
    [...fields, part('name="file"; filename="a.png"', ""), END],
    [...fields, part('name="file"; filename="a.png"', "a".repeat(SIZES[1] + 1)), END],
    [file, ...fields, END],
    [...fields.slice(1), file, END],
    [part("name=\"file\"; filename*=utf-8''%61.png", "a"), END],
  ].map((parts) => Buffer.from(parts.join(""))),
  words: [
    "\r\n",
    "\r\n\r\n",
    "------boundary",
    END,
    "Content-Disposition: form-data; ",
    "Content-Type: ",
    "Content-Transfer-Encoding: base64\r\n",
    'name="file"',
    'filename="',
    "filename*=utf-8''",
    ...Object.keys(FIELDS),
  ],
  work: [10_000, 20],
  stop: async () => rmSync(directory, { recursive: true, force: true }),
};
