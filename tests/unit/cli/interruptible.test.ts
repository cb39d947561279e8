import { expect, it } from "vitest";
import { interruptible } from "../../../adapters/cli/command/interruptible.ts";

it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "work that %s interrupts may clean up, and a second signal ends the process at once",
  async (signal) => {
    const before = process.listenerCount(signal);
    const isAborted = await interruptible(async (ended) => {
      expect(process.listenerCount(signal)).toBe(before + 1);
      process.emit(signal, signal);
      expect(process.listenerCount(signal)).toBe(before);
      return ended.aborted;
    });
    expect(isAborted).toBe(true);
  },
);
