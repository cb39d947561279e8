import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { until } from "../support/until.ts";
import { type Allowed, Ledger, type Target, type Upload } from "./ledger.ts";

/** Something that fails for a while, and the answers that are right meanwhile. */
export interface Fault {
  readonly name: string;
  readonly begin: () => unknown;
  readonly end: () => unknown;
  readonly allowed: Allowed;
  /** Those that are right also before and after it. */
  readonly always?: Allowed;
  /** Whether it can only begin while nothing is under way. */
  readonly needsQuiet?: boolean;
  /** How often each step has to be answered while it lasts. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers of which each has to come once while it lasts, such as `confirm 503 STORE_UNAVAILABLE`. */
  readonly shows?: ReadonlyArray<string>;
}

/** Waits until a service has its bucket, and its Redis. */
export const isReady = ({ address }: Pick<Target, "address">): Promise<boolean> =>
  until("a service that is ready", async () => {
    const answer = await fetch(`${address}/readyz`);
    const { store, limits } = (await answer.json()).parts;
    return store.state === "ok" && limits.state === "ok";
  });

/**
 * Sends uploads of all kinds to a service before, during and after a fault. Nothing that was
 * acknowledged may be lost, no answer may be another than is allowed, and afterwards all uploads
 * that were under way come to their end.
 */
export async function endure(target: () => Target, fault: Fault): Promise<void> {
  const ledger = new Ledger(target);
  const { allowed, always = {} } = fault;
  ledger.allow(always);
  let traffic = startTraffic(ledger);
  let endedAt = 0;
  try {
    await traffic.answered({ "confirm 200": 10, "complete 200": 3 });
    ledger.allow({ ...always, ...allowed });
    if (fault.needsQuiet) await traffic.stop();
    await fault.begin();
    if (fault.needsQuiet) traffic = startTraffic(ledger);
    const shown = (fault.shows ?? []).map((answer) => [answer, 1] as const);
    await traffic.answered({ ...fault.answers, ...Object.fromEntries(shown) });
  } finally {
    endedAt = performance.now();
    await fault.end();
    await traffic.stop();
  }
  expect(ledger.wrong, fault.name).toEqual([]);
  await ledger.settle();
  const recovered = Math.max(0, ledger.failedAt - endedAt);
  ledger.allow(always);
  ledger.file();
  ledger.parts();
  await ledger.settle();
  await conclude(fault.name, ledger, recovered);
}

/** Reads all uploads again, prints what came of a fault, and expects that nothing is amiss. */
export async function conclude(name: string, ledger: Ledger, recovered: number): Promise<void> {
  const lost = await ledger.lost();
  const acknowledged = ledger.uploads.filter((upload) => upload.acknowledged).length;
  // Past the reporter, which shows nothing of a test that passes.
  process.stdout.write(
    `${name}: ${acknowledged} uploads acknowledged, ${lost} lost, ${ledger.wrong.length} answers wrong, recovered after ${(recovered / 1000).toFixed(1)} s (${ledger.summary()})\n`,
  );
  expect(ledger.wrong, name).toEqual([]);
  expect(lost, name).toBe(0);
}

/** Starts clients that presign and send, others that confirm, and one that sends in parts. */
export function startTraffic(ledger: Ledger) {
  const stopped = new AbortController();
  const sent: Array<Upload> = [];
  const repeat = async (act: () => Promise<boolean>) => {
    while (!stopped.signal.aborted) {
      // Where nothing comes of it, the next waits longer, as a client does.
      await pause((await act()) ? 5 : 50);
    }
  };
  const send = async () => {
    const upload = ledger.file();
    // While so many cannot be confirmed, presigning goes on alone.
    const isFull = sent.length >= MOST_UNCONFIRMED;
    const isSent = await ledger.advance(upload, isFull ? 1 : 2);
    if (upload.done > 0 && !isFull) sent.push(upload);
    else ledger.forget(upload);
    return isSent;
  };
  const confirm = async () => {
    const upload = sent.shift();
    if (upload === undefined) return false;
    const isConfirmed = await ledger.advance(upload);
    if (!isConfirmed) sent.push(upload);
    return isConfirmed;
  };
  const sendParts = async () => {
    const upload = ledger.parts();
    const isDone = await ledger.advance(upload);
    // One that stops on the way is finished in the end, and others begin meanwhile.
    if (upload.done === 0) ledger.forget(upload);
    return isDone;
  };
  const clients = [send, send, confirm, confirm, sendParts].map(repeat);
  return {
    /** Waits until each step was answered so many times more. */
    answered: (steps: Readonly<Record<string, number>>) => {
      const enough = Object.entries(steps).map(
        ([step, count]) => [step, ledger.count(step) + count] as const,
      );
      return until(
        `${JSON.stringify(steps)} answers`,
        () =>
          ledger.wrong.length > 0 || enough.every(([step, count]) => ledger.count(step) >= count),
      );
    },
    stop: () => {
      stopped.abort();
      return Promise.all(clients);
    },
  };
}

const MOST_UNCONFIRMED = 40;
