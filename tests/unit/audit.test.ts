import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { appendTo } from "../../adapters/telemetry/append.ts";
import { layer as fileOf } from "../../adapters/telemetry/audit.ts";
import { Audit, type AuditEvent } from "../../application/ports/audit.ts";
import { until } from "../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "valetkey-audit-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Line = Readonly<Record<string, unknown>>;
const parse = (text: string): ReadonlyArray<Line> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);

const eventOf = (requestId: string): AuditEvent => ({
  at: DateTime.makeUnsafe(0),
  action: "presign",
  refusal: undefined,
  address: undefined,
  requestId,
});

function logged(write: (message: unknown) => string = String) {
  const messages: Array<string> = [];
  const log = Logger.layer([
    Logger.make<unknown, void>(({ message }) => void messages.push(write(message))),
  ]);
  return { messages, log };
}

it("an audit that is a pipe without a reader is refused at the start, and does not hold it", () => {
  const pipe = join(folder, "unread");
  execFileSync("mkfifo", [pipe]);
  const adapters = new URL("../../adapters/", import.meta.url);
  const code = `import { read } from "${adapters}telemetry/audit.ts";
      import { variables } from "${adapters}settings/source.ts";
      const { failure } = read(variables({ AUDIT: ${JSON.stringify(pipe)} }));
      console.log(failure.map(({ problem }) => problem).join());`;
  // In a process that can be ended, since to open a pipe stops all of a process.
  const args = ["--input-type=module", "--eval", code];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  expect(stdout).toBe("names a file that cannot be written (ENXIO)\n");
});

describe("an audit file", () => {
  it.each([
    [true, { album: "7" }],
    [false, undefined],
  ])("has the metadata of uploads if it is asked for (%s)", async (withMetadata, metadata) => {
    const path = join(folder, `metadata-${withMetadata}.jsonl`);
    await Audit.use((tell) => tell({ ...eventOf("1"), metadata: { album: "7" } })).pipe(
      Effect.provide(fileOf(path, withMetadata)),
      Effect.runPromise,
    );
    expect(parse(readFileSync(path, "utf8"))[0]?.["metadata"]).toEqual(metadata);
  });

  it("has all facts of a decision, and is there for its owner alone", async () => {
    const path = join(folder, "facts.jsonl");
    const facts = {
      principal: { kind: "user", subject: "alice" },
      slug: "acme",
      organization: "org_1",
      policy: "files",
      key: "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
      size: 5,
      mediaType: "image/png",
      address: "203.0.113.9",
    };
    await Effect.gen(function* () {
      const tell = yield* Audit;
      yield* tell({ ...eventOf("1"), ...facts } as AuditEvent);
      yield* tell({
        ...eventOf("2"),
        ...facts,
        refusal: "UPLOAD_REFUSED_BY_SCAN",
        finding: "Eicar-Test",
      } as AuditEvent);
    }).pipe(Effect.provide(fileOf(path)), Effect.runPromise);
    const { principal, mediaType, ...others } = facts;
    const same = {
      ...others,
      ...principal,
      time: "1970-01-01T00:00:00.000Z",
      audit: "presign",
      content_type: mediaType,
    };
    expect(parse(readFileSync(path, "utf8"))).toEqual([
      { ...same, decision: "granted", request_id: "1" },
      {
        ...same,
        decision: "refused",
        code: "UPLOAD_REFUSED_BY_SCAN",
        finding: "Eicar-Test",
        request_id: "2",
      },
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("gets lines in the order of the events, also those that came while it could not be written", async () => {
    const directory = join(folder, "ordered");
    const path = join(directory, "audit.jsonl");
    const { messages, log } = logged();
    const ids = ["1", "2", "3", "4"];
    const later = ["5", "6"];
    await Effect.gen(function* () {
      const tell = yield* Audit;
      for (const id of ids) yield* tell(eventOf(id));
      yield* Effect.promise(() => until("the complaint", () => messages.length > 0));
      mkdirSync(directory);
      yield* Effect.promise(() => until("the lines", () => existsSync(path)));
      for (const id of later) {
        yield* tell(eventOf(id));
        yield* Effect.promise(() =>
          until(`line ${id}`, () => readFileSync(path, "utf8").includes(`"${id}"`)),
        );
      }
    }).pipe(Effect.provide(fileOf(path)), Effect.provide(log), Effect.runPromise);
    expect(parse(readFileSync(path, "utf8")).map(({ request_id }) => request_id)).toEqual([
      ...ids,
      ...later,
    ]);
    expect(messages).toEqual([
      expect.stringContaining("cannot be written"),
      expect.stringContaining("is written to"),
    ]);
    // A part of the first line could be there from a time when the disk was full.
    expect(readFileSync(path, "utf8")).toMatch(/^\n/);
  });

  it("that can never be written says so once, and lets the service end", async () => {
    const { messages, log } = logged();
    await Effect.gen(function* () {
      const append = yield* appendTo(join(folder, "gone", "audit.jsonl"));
      yield* append("line\n");
      yield* Effect.promise(() => until("the complaint", () => messages.length > 0));
    }).pipe(Effect.scoped, Effect.provide(log), Effect.runPromise);
    // It was tried again at the end.
    expect(messages).toEqual([expect.stringContaining("ENOENT")]);
  });

  it("that blocks lets the service end, and drops lines after saying so", async () => {
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    const { messages, log } = logged();
    const large = { ...eventOf("id"), principal: { kind: "user", subject: "x".repeat(2 ** 20) } };
    await Effect.gen(function* () {
      const tell = yield* Audit;
      for (let events = 0; events < 12; events++) yield* tell(large as AuditEvent);
    }).pipe(Effect.provide(fileOf(path)), Effect.provide(log), Effect.runPromise);
    expect(messages).toEqual([
      `the audit drops lines, since too many wait to be written to ${path}`,
    ]);
    // Ends the thread that still waits for a reader.
    spawn("cat", [path], { stdio: "ignore", timeout: 5000 });
  });

  it("lets 8 MiB wait, and says anew how much was lost each time that it was not enough", async () => {
    const directory = join(folder, "full");
    const path = join(directory, "audit.jsonl");
    const { messages, log } = logged(JSON.stringify);
    const told = (count: number) =>
      Effect.promise(() => until(`message ${count}`, () => messages.length >= count));
    await Effect.gen(function* () {
      const append = yield* appendTo(path);
      for (const [round, lost] of [2, 1].entries()) {
        // It fills what may wait to the last character.
        yield* append(`${"x".repeat(8 * 2 ** 20 - 1)}\n`);
        yield* told(3 * round + 1);
        for (let line = 0; line < lost; line++) yield* append("lost\n");
        yield* told(3 * round + 2);
        mkdirSync(directory);
        yield* told(3 * round + 3);
        expect(statSync(path).size).toBe(8 * 2 ** 20 + 1);
        rmSync(directory, { recursive: true });
      }
    }).pipe(Effect.scoped, Effect.provide(log), Effect.runPromise);
    expect(messages).toEqual(
      [2, 1].flatMap((lost) => [
        expect.stringContaining("cannot be written"),
        expect.stringContaining("drops lines"),
        expect.stringMatching(`is written to .* again",.*"dropped":${lost}`),
      ]),
    );
  });

  it("has each event on one line, whatever the caller's name", async () => {
    const path = join(folder, "names.jsonl");
    const subjects = ['a"b', "a\nb", "a\u2028b", "</script>", "{}", "ü 用户 😀"];
    await Effect.gen(function* () {
      const tell = yield* Audit;
      for (const subject of subjects) {
        yield* tell({ ...eventOf("id"), principal: { kind: "user", subject } });
      }
    }).pipe(Effect.provide(fileOf(path)), Effect.runPromise);
    const text = readFileSync(path, "utf8");
    expect(text.split("\n")).toHaveLength(subjects.length + 1);
    expect(parse(text).map(({ subject }) => subject)).toEqual(subjects);
  });
});
