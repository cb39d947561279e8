import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { onTestFinished, vi } from "vitest";
import type { LogEntry } from "../../../adapters/embed/index.ts";
import { logFrom, logTo } from "../../../adapters/embed/host.ts";
import { isForPeople, layer } from "../../../adapters/telemetry/log.ts";
import type { TelemetrySettings } from "../../../adapters/telemetry/log.ts";

const SAID = Effect.gen(function* () {
  yield* Effect.logDebug("asked");
  yield* Effect.logInfo("listening", { port: 8787, workers: 2 });
  yield* Effect.logWarning("the store is down", "not an object of facts");
  yield* Effect.logError("failed", null);
});

/** What stands on standard output after all of them. */
const linesOf = (settings: TelemetrySettings, said = SAID) =>
  Effect.gen(function* () {
    const written: Array<string> = [];
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    yield* Effect.provide(said, layer(settings));
    yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)));
    write.mockRestore();
    return written.join("").trimEnd().split("\n");
  });

it.effect("a line of the log for people has the time of day, a level to notice, and facts", () =>
  Effect.gen(function* () {
    expect(yield* linesOf({ level: "debug", format: "pretty" })).toEqual([
      "00:00:00 DEBUG asked",
      "00:00:00 listening port=8787 workers=2",
      "00:00:00 WARN the store is down",
      "00:00:00 ERROR failed",
    ]);
  }),
);

it.effect("text of a request begins no line of the log, and moves no cursor", () =>
  Effect.gen(function* () {
    const said = Effect.logInfo("asked", { path: "/\u009b2J\n00:00:00 ready", by: "\u202eeve" });
    expect(yield* linesOf({ level: "info", format: "pretty" }, said)).toEqual([
      "00:00:00 asked path=/\\u009b2J\\n00:00:00 ready by=\\u202eeve",
    ]);
  }),
);

it.effect("a line of the log for machines is JSON with the facts as members", () =>
  Effect.gen(function* () {
    const lines = yield* linesOf({ level: "info", format: "json" });
    const time = "1970-01-01T00:00:00.000Z";
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time, level: "info", message: "listening", port: 8787, workers: 2 },
      { time, level: "warn", message: "the store is down" },
      { time, level: "error", message: "failed" },
    ]);
  }),
);

it.effect.each([
  ["debug", 4],
  ["info", 3],
  ["warn", 2],
  ["error", 1],
  ["none", 0],
] as const)("the level %s lets %i of four levels through", ([level, count]) =>
  Effect.gen(function* () {
    const lines = yield* linesOf({ level, format: "json" });
    expect(lines.filter((line) => line !== "")).toHaveLength(count);
  }),
);

it.each([true, false])("without a format, isTTY of %s decides", (isTTY) => {
  const before = Object.getOwnPropertyDescriptor(process.stdout, "isTTY");
  Object.defineProperty(process.stdout, "isTTY", { value: isTTY, configurable: true });
  onTestFinished(() => {
    Reflect.deleteProperty(process.stdout, "isTTY");
    if (before !== undefined) Object.defineProperty(process.stdout, "isTTY", before);
  });
  expect(isForPeople(undefined)).toBe(isTTY);
  expect([isForPeople("pretty"), isForPeople("json")]).toEqual([true, false]);
});

it("a host gets every line of the log, and the console only what is wrong", async () => {
  const entries: Array<LogEntry> = [];
  const said: Array<unknown> = [];
  for (const level of ["debug", "info", "warn", "error"] as const) {
    const spy = vi.spyOn(console, level).mockImplementation((line) => void said.push(line));
    onTestFinished(() => spy.mockRestore());
  }
  await Effect.runPromise(
    Effect.provide(
      SAID,
      logTo((entry) => void entries.push(entry)),
    ),
  );
  await Effect.runPromise(Effect.provide(SAID, logTo(undefined)));
  expect(entries).toEqual([
    { level: "debug", message: "asked", facts: {} },
    { level: "info", message: "listening", facts: { port: 8787, workers: 2 } },
    { level: "warn", message: "the store is down", facts: {} },
    { level: "error", message: "failed", facts: {} },
  ]);
  expect(said).toEqual(["valetkey: the store is down", "valetkey: failed"]);
});

it("a host whose own log fails is told so on the console", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
  onTestFinished(() => said.mockRestore());
  for (const log of [
    () => Promise.reject(new Error("full")),
    () => {
      throw new Error("full");
    },
  ]) {
    await logFrom(log)({ level: "info", message: "listening", facts: {} });
  }
  const line = "valetkey: log() failed cause=Error: full";
  expect(said.mock.calls).toEqual([[line], [line]]);
});
