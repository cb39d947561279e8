import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, statSync, utimesSync, writeSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Reply, Seen, Trouble } from "./hop.ts";

/** What each client does on a network that does harm: one row is run in each language. */
export interface Row {
  /** A sentence about "a client". */
  readonly name: string;
  /** It is also about the store, or the way into a client; the others are about its network alone. */
  readonly everywhere?: true;
  /** Bytes of the files that are tried, one after another; more than 5 MiB go in parts. */
  readonly sizes: ReadonlyArray<number>;
  readonly trouble?: Trouble;
  /** Bytes of a second that the network carries behind a hop that takes whole bodies. */
  readonly rate?: number;
  readonly options?: ReadonlyArray<string>;
  /** By how much its clocks are faster. */
  readonly hasten?: number;
  /** Done once the network holds a request. */
  readonly meanwhile?: (file: string, client: ChildProcess, release: () => void) => void;
  /** The code that it fails with, of which nothing is left; the file arrives where there is none. */
  readonly fails?: RegExp;
  /** At most so many times the bytes of the file are sent, and so many calls made. */
  readonly most?: { readonly sent?: number; readonly calls?: number };
}

const SMALL = 100_000;
/** The largest file with one PUT that has a round number, and one in two parts. */
const WHOLE = 4_900_000;
const PARTS = 7_000_000;
const BOTH = [SMALL, PARTS];

const html: Reply = { status: 200, headers: { "Content-Type": "text/html" }, body: "<p>Sign in" };
const s3Error = (status: number, code: string): Reply => ({
  status,
  headers: { "Content-Type": "application/xml" },
  body: `<Error><Code>${code}</Code><Message>A sentence.</Message></Error>`,
});
const first =
  (count: number, harm: ReturnType<Trouble>, name = /./): Trouble =>
  (seen) =>
    seen.count <= count && name.test(seen.name) && harm;
const always = (harm: ReturnType<Trouble>, name = /./) => first(Infinity, harm, name);
const PUT = /^PUT$/;
const CALL = / /;

/** An answer that asks for two seconds, by the clock of who gives it. */
const busyUntil = (hours: number): Reply => {
  const at = Date.now() + hours * 3_600_000;
  const [Date_, after] = [at, at + 2000].map((time) => new Date(time).toUTCString());
  const headers = { Date: `${Date_}`, "Retry-After": `${after}` };
  return { ...s3Error(503, "SlowDown"), headers };
};

/** A gigabyte of zeros in 2.6 kB. */
const bomb = (): Reply => ({
  status: 200,
  headers: { "Content-Type": "application/json", "Content-Encoding": "gzip, gzip" },
  body: gzipSync(gzipSync(Buffer.alloc(2 ** 30))),
});

/** Changes a file in place, whose size and, if asked for, time stay as they were. */
const change =
  (isTimeKept: boolean): NonNullable<Row["meanwhile"]> =>
  (file, _, release) => {
    const { atime, mtime, size } = statSync(file);
    const opened = openSync(file, "r+");
    writeSync(opened, Buffer.alloc(1000, "changed"), 0, 1000, size - 1000);
    writeSync(opened, Buffer.alloc(1000, "changed"), 0, 1000, 0);
    closeSync(opened);
    if (isTimeKept) utimesSync(file, atime, mtime);
    release();
  };

export const HELD = ({ name, count }: Seen) => name === "PUT" && count === 2 && ("hold" as const);

const member =
  (name: string, value: unknown): ((text: string) => string) =>
  (text) =>
    JSON.stringify({ ...JSON.parse(text), [name]: value });

export const ROWS: ReadonlyArray<Row> = [
  {
    name: "sends a file once",
    everywhere: true,
    sizes: [SMALL, WHOLE, PARTS],
    most: { sent: 1 },
  },
  {
    name: "makes few calls for a file in parts",
    sizes: [60_000_000],
    most: { sent: 1, calls: 6 },
  },
  {
    name: "repeats what was answered with 503",
    sizes: BOTH,
    trouble: first(2, s3Error(503, "SlowDown")),
  },
  { name: "repeats what broke", sizes: BOTH, trouble: first(1, "break") },
  {
    name: "sends nothing again whose answer was lost",
    everywhere: true,
    sizes: BOTH,
    trouble: first(1, "lose the answer"),
  },
  { name: "goes on after a captive portal", sizes: BOTH, trouble: first(2, html) },
  {
    name: "asks for another URL when one is refused",
    sizes: BOTH,
    trouble: first(1, s3Error(403, "AccessDenied"), PUT),
  },
  {
    name: "asks for another URL when its token has expired",
    sizes: BOTH,
    trouble: first(1, s3Error(400, "ExpiredToken"), PUT),
  },
  {
    name: "waits as long as an answer asks, by the clock of who gives it",
    sizes: [SMALL],
    trouble: (seen) => seen.count === 1 && busyUntil(3),
  },
  {
    name: "gets through at 35 kB/s behind a hop that takes whole bodies",
    sizes: [WHOLE, PARTS],
    // The client waits for fifteen seconds longer than the hop needs, for a busy machine.
    hasten: 8,
    rate: 8 * 35_000,
    most: { sent: 1.5 },
  },
  {
    name: "gives up where nothing gets through behind such a hop",
    sizes: [WHOLE, PARTS],
    // Each request may take four seconds of a busy machine.
    hasten: 30,
    rate: 1000,
    options: ["--retry-for", "3600"],
    fails: /^UNSTABLE$/,
    most: { sent: 3 },
  },
  {
    name: "leaves nothing when the store refuses",
    sizes: BOTH,
    trouble: always(s3Error(403, "AccessDenied"), PUT),
    fails: /^(?:STORE_REFUSED|AccessDenied)$/,
  },
  {
    name: "leaves nothing when the store is busy for good",
    sizes: BOTH,
    options: ["--retry-for", "20"],
    trouble: always(s3Error(503, "SlowDown"), PUT),
    fails: /^(?:STORE_REFUSED|SlowDown)$/,
  },
  {
    name: "leaves nothing when it is interrupted",
    everywhere: true,
    sizes: [PARTS],
    trouble: HELD,
    meanwhile: (_, client) => client.kill("SIGINT"),
    fails: /^ABORTED$/,
  },
  ...[false, true].map((isTimeKept): Row => ({
    name: `refuses a file that changes meanwhile${isTimeKept ? ", also if its time does not" : ""}`,
    sizes: [PARTS],
    trouble: HELD,
    meanwhile: change(isTimeKept),
    fails: /^FILE_CHANGED$/,
  })),
  {
    name: "does not take a part of one byte",
    sizes: [PARTS],
    trouble: always(member("part_size", 1), /^POST multipart$/),
    fails: /^INVALID_ANSWER$/,
  },
  {
    name: "reads no bomb of the service",
    sizes: [SMALL],
    options: ["--retry-for", "5"],
    trouble: always(bomb(), CALL),
    fails: /^(?:INVALID_ANSWER|OFFLINE|SERVICE_FAILED)$/,
  },
  { name: "reads no bomb of the store", sizes: [SMALL], trouble: first(1, bomb(), PUT) },
  {
    name: "follows no redirect of the service",
    sizes: [SMALL],
    options: ["--retry-for", "5"],
    trouble: always({ status: 307, headers: { Location: "/elsewhere" } }, CALL),
    fails: /^(?:INVALID_ANSWER|SERVICE_FAILED)$/,
  },
  {
    name: "follows no redirect of the store",
    sizes: BOTH,
    trouble: first(1, { status: 307, headers: { Location: "/elsewhere" } }, PUT),
  },
  {
    name: "sends MD5 where a policy requires a checksum, and the store verifies only that",
    everywhere: true,
    sizes: BOTH,
    options: ["--policy", "checked"],
    trouble: always((text) => text.replace(/\["sha256"[^\]]*\]/g, '["md5"]'), /^GET policies$/),
  },
];

/** The calls of an upload, whose answers are wrong in each member, one after another. */
const ANSWERS = [
  "GET policies",
  "POST presign",
  "POST confirm",
  "POST multipart",
  "POST multipart/parts",
  "GET multipart/parts",
  "POST multipart/complete",
];
const DEEP = "[".repeat(20_000) + "]".repeat(20_000);
const WRONG = ["null", "true", "-1", "1.5", "1e400", '""', '"\\u0000\\ud800"', "[]", "{}", DEEP];

/** Gives all members of an answer, each as the answer with a mark in its place. */
function* membersOf(value: unknown): Generator<unknown> {
  yield "mark";
  if (typeof value !== "object" || value === null) return;
  // A list, and what has names of its own, is the same for each.
  const entries = Object.entries(value).slice(0, Array.isArray(value) ? 1 : 20);
  for (const [name, member] of entries) {
    for (const marked of membersOf(member)) {
      yield Array.isArray(value) ? [marked] : { ...value, [name]: marked };
    }
  }
}

/** Gives the answers that are as this one, but wrong in one member. */
const wrong = (text: string) =>
  [...membersOf(JSON.parse(text))].map((marked, index) =>
    JSON.stringify(marked).replace('"mark"', WRONG[index % WRONG.length] ?? ""),
  );

/** Makes trouble that gives another wrong answer each time, and says when there are no more. */
export function wrongAnswers() {
  const left = new Map(ANSWERS.map((name) => [name, undefined as undefined | Array<string>]));
  const trouble: Trouble = ({ name }) =>
    left.has(name) &&
    ((text) => {
      const [current] = left.keys();
      // What comes before it has to be right.
      if (name !== current || !text.startsWith("{")) return text;
      const answers = left.get(name) ?? wrong(text);
      left.set(name, answers);
      const answer = answers.pop();
      if (answers.length === 0) left.delete(name);
      return answer ?? text;
    });
  let tried = "";
  const next = () => {
    // Not every client makes each call.
    if (left.has(tried) && left.get(tried) === undefined) left.delete(tried);
    tried = left.keys().next().value ?? "";
    return tried;
  };
  return { trouble, next };
}
