import * as Effect from "effect/Effect";
import { afterEach, expect, it, vi } from "vitest";
import { logTo } from "../../adapters/embed/log.ts";
import type { LogEntry } from "../../adapters/embed/index.ts";

afterEach(() => void vi.restoreAllMocks());

const events = Effect.all([
  Effect.logDebug("looked", { at: 1 }),
  Effect.logInfo("ready again"),
  Effect.logWarning("slow", { by: 2 }),
  Effect.logError("failed"),
]);

it("the host's own log gets every event, with its level and its facts", () => {
  const entries: Array<LogEntry> = [];
  Effect.runSync(events.pipe(Effect.provide(logTo((entry) => void entries.push(entry)))));
  expect(entries).toEqual([
    { level: "debug", message: "looked", facts: { at: 1 } },
    { level: "info", message: "ready again", facts: {} },
    { level: "warn", message: "slow", facts: { by: 2 } },
    { level: "error", message: "failed", facts: {} },
  ]);
});

it("without a log of the host, warnings and errors alone are on the console", () => {
  const lines: Array<string> = [];
  for (const level of ["debug", "info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(`${level}: ${line}`));
  }
  Effect.runSync(events.pipe(Effect.provide(logTo(undefined))));
  expect(lines).toEqual(["warn: valetkey: slow by=2", "error: valetkey: failed"]);
});
