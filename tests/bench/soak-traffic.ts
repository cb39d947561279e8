import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

/** An answer of the service, or the reason that there was none. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
  readonly from: number;
  readonly to: number;
}

/** How an action asks the service: it names what it does, and the statuses that are right. */
export type Ask = (
  action: string,
  path: string,
  options: {
    readonly expect: ReadonlyArray<number>;
    /** What the answer may wait for; a fault of it excuses 503. */
    readonly needs?: "store";
    readonly method?: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  },
) => Promise<Answer>;

/** A file whose upload was acknowledged, by what its bytes have to be. */
export interface Acknowledged {
  readonly fileUrl: string;
  readonly sha256: string;
}

export interface World {
  readonly ask: Ask;
  readonly random: (below: number) => number;
  readonly port: number;
  /** The files of which `confirm` or `complete` has said that they are there. */
  readonly acknowledged: Array<Acknowledged>;
  readonly wrong: (text: string) => void;
}

const FILES = "/api/v1/orgs/acme/files";
const PART = 5 * 1024 * 1024;

type Action = (world: World) => Promise<unknown>;

const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };
const HTML = { ...FILE, content_type: "text/html" };
const FORGED = { receipt: `v1.a.e30.${"A".repeat(43)}` };
const TRAVERSAL = `${FILES}/..%2f..%2fetc/passwd`;
const NOBODY = { Authorization: "" };
const SOMEBODY = { Authorization: `Bearer ${randomBytes(24).toString("base64url")}` };
const LARGE = { "X-Large": "a".repeat(20_000) };

const asks = (
  weight: number,
  name: string,
  { path = `${FILES}/presign`, ...options }: Parameters<Ask>[2] & { readonly path?: string },
): readonly [number, Action] => [weight, ({ ask }) => ask(name, path, options)];

/** What is done, with how often of a thousand. */
export const ACTIONS: ReadonlyArray<readonly [weight: number, Action]> = [
  [300, uploadOne],
  [40, uploadBatch],
  [5, uploadParts],
  [150, openOne],
  asks(40, "policies", { path: `${FILES}/policies`, method: "GET", expect: [200] }),
  asks(40, "readyz", { path: "/readyz", method: "GET", expect: [200], headers: NOBODY }),
  asks(80, "a wrong token", { body: FILE, expect: [401, 429], headers: SOMEBODY }),
  [60, badBody],
  asks(40, "a body too large", { body: "x".repeat(17_000), expect: [413] }),
  asks(40, "a wrong method", { method: "PUT", body: FILE, expect: [405] }),
  asks(40, "an unknown path", { path: TRAVERSAL, method: "GET", expect: [400, 404] }),
  asks(40, "a forged receipt", { path: `${FILES}/confirm`, body: FORGED, expect: [400] }),
  asks(30, "a type that is not allowed", { body: HTML, expect: [415] }),
  asks(30, "headers too large", { body: FILE, expect: [431], headers: LARGE }),
  [5, slowClient],
];

async function uploadOne(world: World): Promise<void> {
  const bytes = randomBytes(1 + world.random(20_000));
  const { status, body } = await world.ask("presign", `${FILES}/presign`, {
    body: { ...FILE, size: bytes.length },
    expect: [200],
  });
  if (status === 200) await putAndConfirm(world, body, bytes);
}

async function uploadBatch(world: World): Promise<void> {
  const bytes = randomBytes(100);
  const { status, body } = await world.ask("batch", `${FILES}/batch`, {
    body: {
      files: Array.from({ length: 5 }, () => ({ ...FILE, size: bytes.length })),
      policy: "documents",
    },
    expect: [200],
  });
  if (status !== 200) return;
  const [upload = {}] = body["uploads"] as ReadonlyArray<Readonly<Record<string, unknown>>>;
  await putAndConfirm(world, upload, bytes);
}

async function putAndConfirm(
  world: World,
  grant: Readonly<Record<string, unknown>>,
  bytes: Buffer,
): Promise<void> {
  const put = await fetch(String(grant["put_url"]), {
    method: "PUT",
    headers: grant["put_headers"] as Record<string, string>,
    body: new Uint8Array(bytes),
  });
  if (put.status !== 200)
    return world.wrong(`PUT: ${put.status} ${(await put.text()).slice(0, 300)}`);
  await put.arrayBuffer();
  await confirm(world, grant["receipt"], bytes);
}

async function confirm(world: World, receipt: unknown, bytes: Buffer): Promise<void> {
  const { status, body } = await world.ask("confirm", `${FILES}/confirm`, {
    body: { receipt },
    expect: [200],
    needs: "store",
  });
  if (status === 200) acknowledge(world, body, bytes);
}

function acknowledge(
  { acknowledged, wrong }: World,
  { size, file_url: fileUrl }: Readonly<Record<string, unknown>>,
  bytes: Buffer,
): void {
  if (size !== bytes.length) wrong(`confirmed ${String(size)} bytes of ${bytes.length}`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  acknowledged.push({ fileUrl: String(fileUrl), sha256 });
}

async function uploadParts(world: World): Promise<void> {
  const bytes = Buffer.alloc(PART + 1000, randomBytes(64));
  const options = { expect: [200], needs: "store" } as const;
  const started = await world.ask("multipart", `${FILES}/multipart`, {
    ...options,
    body: { ...FILE, size: bytes.length },
  });
  if (started.status !== 200) return;
  const { upload } = started.body;
  const signed = await world.ask("parts", `${FILES}/multipart/parts`, {
    body: { upload, part_numbers: [1, 2] },
    expect: [200],
  });
  if (signed.status !== 200) return;
  const parts: Array<unknown> = [];
  for (const part of signed.body["parts"] as ReadonlyArray<Readonly<Record<string, unknown>>>) {
    const number = Number(part["part_number"]);
    const put = await fetch(String(part["url"]), {
      method: "PUT",
      headers: part["headers"] as Record<string, string>,
      body: new Uint8Array(bytes.subarray((number - 1) * PART, number * PART)),
    });
    await put.arrayBuffer();
    if (put.status !== 200) return world.wrong(`PUT of a part: ${put.status}`);
    parts.push({ part_number: number, etag: put.headers.get("etag") });
  }
  const completed = await world.ask("complete", `${FILES}/multipart/complete`, {
    ...options,
    body: { upload, parts },
  });
  if (completed.status === 200) acknowledge(world, completed.body, bytes);
}

async function openOne({ ask, acknowledged, random }: World): Promise<void> {
  const file = acknowledged[random(acknowledged.length)];
  if (file === undefined) return;
  const { pathname } = new URL(file.fileUrl);
  await ask("open", pathname, { method: "GET", expect: [302] });
}

/** Deep, wide, or with names that objects have by themselves; all of them just within the limit. */
async function badBody({ ask, random }: World): Promise<void> {
  const bodies = [
    "[".repeat(15_000),
    `{"filename":${"[".repeat(7000)}${"]".repeat(7000)}}`,
    JSON.stringify(Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`m${i}`, 1]))),
    JSON.stringify({ ...FILE, filename: "\ud800".repeat(2000) }),
    `{"__proto__":{"size":5},"constructor":1,"filename":"${"a".repeat(15_000)}"}`,
    `{"size":1e${"9".repeat(15_000)}}`,
  ];
  await ask("a bad body", `${FILES}/presign`, {
    body: bodies[random(bodies.length)] ?? "",
    expect: [400],
  });
}

/** Sends half of a request, and a byte a second after that, until somebody ends it. */
async function slowClient({ port }: World): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`POST ${FILES}/presign HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-`);
  const timer = setInterval(() => socket.write("a"), 1000);
  const overdue = setTimeout(() => socket.destroy(), 20_000);
  await once(socket, "close");
  clearInterval(timer);
  clearTimeout(overdue);
}
