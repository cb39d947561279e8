import * as fc from "fast-check";
import { createHash, randomBytes } from "node:crypto";
import { expect, it, onTestFinished, vi } from "vitest";
import { computeChecksum, chooseAlgorithm } from "../../adapters/client/file.ts";
import { makeTally, type UploadProgress } from "../../adapters/client/progress.ts";
import { UploadError } from "../../adapters/client/errors.ts";
import { sizeInWords } from "../../adapters/client/size-in-words.ts";
import { persist, retryAfter, transient } from "../../adapters/client/retry.ts";
import { inTime, makeRun } from "../../adapters/client/run.ts";
import { LEAST_PART, makeSlots, SmallerParts } from "../../adapters/client/slots.ts";

it("a body that is read on after its answer keeps no process alive", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { signal } = new AbortController();
  const readOn = await inTime(signal, 1000, async (_, restart) => restart);
  readOn();
  expect(vi.getTimerCount()).toBe(0);
});

it("progress is never above the total, and goes back only where it says that something is tried again", () => {
  const retrying = { attempt: 1, delay: 0, reason: "network" } as const;
  const step = fc.oneof(
    fc.record({ part: fc.nat(4), bytes: fc.nat(120) }),
    fc.record({ part: fc.nat(4), retry: fc.constant(true) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const events: Array<UploadProgress> = [];
      const tally = makeTally(500, (event) => events.push(event));
      for (const each of steps) {
        if ("retry" in each) tally.retry(each.part, retrying);
        else tally.sent(each.part, each.bytes);
      }
      let last = 0;
      for (const event of events) {
        if (event.retrying === undefined) expect(event.sent).toBeGreaterThanOrEqual(last);
        expect(event.sent).toBeLessThanOrEqual(500);
        expect(event.percent).toBe(Math.floor((event.sent / 500) * 100));
        last = event.sent;
      }
    }),
  );
});

it("a bar stays where it was in an outage, and goes back once something is sent again", () => {
  const events: Array<unknown> = [];
  const tally = makeTally(500, ({ sent, retrying }) => events.push([sent, retrying?.reason]));
  tally.sent(1, 200);
  tally.sent(2, 100);
  for (const reason of ["network", "offline", "network"] as const) {
    tally.retry(2, { attempt: 1, delay: 0, reason });
  }
  tally.sent(2, 0);
  tally.sent(2, 10);
  tally.sent(2, 20);
  expect(events).toEqual([
    [200, undefined],
    [300, undefined],
    [300, "network"],
    [300, "offline"],
    [300, "network"],
    [300, undefined],
    [210, "network"],
    [220, undefined],
  ]);
});

it("a file that is sent anew counts from nothing", () => {
  const sent: Array<number> = [];
  const tally = makeTally(500, (event) => sent.push(event.sent));
  tally.sent(1, 300);
  tally.restart();
  tally.sent(1, 100);
  expect(sent).toEqual([300, 0, 100]);
});

it("a task that waits for its turn is let go when it is aborted, and the others go on", async () => {
  const slots = makeSlots(1);
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { signal } = new AbortController();
  const first = slots(signal, 0, () => promise);
  const second = slots(controller.signal, 0, async () => "never");
  const third = slots(signal, 0, async () => "third");
  controller.abort("given up");
  await expect(second).rejects.toBe("given up");
  resolve();
  await first;
  expect(await third).toBe("third");
});

/** Four slots of a page whose clock goes on by what its bodies take. */
function linesOf() {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const slots = makeSlots(4);
  const { signal } = new AbortController();
  const running: Array<() => void> = [];
  /** How many of so many bodies run at a time, one batch after the other. */
  const batches = async (count: number, size: number, milliseconds: number, sending?: number) => {
    const all = Array.from({ length: count }, () =>
      slots(signal, size, (times) => {
        if (sending !== undefined) times.taken = now + sending;
        return new Promise<void>((resolve) => running.push(resolve));
      }),
    );
    const counts: Array<number> = [];
    while (running.length > 0) {
      counts.push(running.length);
      now += milliseconds;
      for (const done of running.splice(0)) done();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(all);
    return counts;
  };
  return { slots, batches };
}

const NO_ANSWER = transient("network", new UploadError("offline", ""));

it("parts go one at a time at first and after a cut, and several only on a line that is quick", async () => {
  const { slots, batches } = linesOf();
  const { signal } = new AbortController();
  const fail = (reason: "network" | "busy") => {
    const failure = transient(reason, new UploadError("offline", ""));
    return expect(slots(signal, 1, () => Promise.reject(failure))).rejects.toBe(failure);
  };
  // A line of 1 Mbit/s.
  expect(await batches(3, LEAST_PART, 42_000)).toEqual([1, 1, 1]);
  // Together they are no more than a part, and say little of the line.
  expect(await batches(16, LEAST_PART / 5, 1000)).toEqual([4, 4, 4, 4]);
  expect(await batches(1, 1000, 100)).toEqual([1]);
  expect(await batches(2, LEAST_PART, 2000)).toEqual([1, 1]);
  expect(await batches(12, LEAST_PART, 400)).toEqual([1, 1, 2, 3, 4, 1]);
  await fail("busy");
  expect(await batches(8, LEAST_PART, 3000)).toEqual([4, 1, 1, 1, 1]);
  expect(await batches(12, LEAST_PART, 400)).toEqual([1, 1, 2, 3, 4, 1]);
  await fail("network");
  expect(await batches(12, LEAST_PART, 400)).toEqual([1, 1, 2, 3, 4, 1]);
  // A store that answers late is no slow line; something that forwards at 1 Mbit/s looks like one.
  await fail("network");
  expect(await batches(12, LEAST_PART, 20_000, 400)).toEqual([1, 1, 2, 3, 4, 1]);
  expect(await batches(12, LEAST_PART, 31_000, 1_500)).toEqual([4, 4, 4]);
  expect(await batches(8, LEAST_PART, 42_000, 400)).toEqual([4, 1, 1, 1, 1]);
});

it("each quick part makes room for one more, until the first slow one", async () => {
  const { batches } = linesOf();
  expect(await batches(11, LEAST_PART, 400)).toEqual([1, 2, 4, 4]);
  expect(await batches(7, LEAST_PART, 3000)).toEqual([4, 1, 1, 1]);
  expect(await batches(4, LEAST_PART, 400)).toEqual([1, 1, 2]);
});

it("small bodies go one at a time after a break, and soon side by side on a line that is quick", async () => {
  const small = 2 ** 18;
  const others = linesOf();
  // Two of them are less than a part, and quick ones say that more of the line is free.
  expect(await others.batches(10, 2 ** 21, 100)).toEqual([2, 4, 4]);
  for (const failure of [NO_ANSWER, new SmallerParts(small)]) {
    const { slots, batches } = linesOf();
    const { signal } = new AbortController();
    const size = failure === NO_ANSWER ? small : LEAST_PART;
    await expect(slots(signal, size, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await batches(20, small, 10)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 1]);
  }
});

it("a large body waits for those on their way, and goes alone on a slow line", async () => {
  const slots = makeSlots(4);
  const { signal } = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const order: Array<string> = [];
  const small = slots(signal, 1000, () => promise);
  const large = slots(signal, 10 * LEAST_PART, async () => void order.push("large"));
  await slots(signal, 1000, async () => void order.push("small"));
  resolve();
  await Promise.all([small, large]);
  expect(order).toEqual(["small", "large"]);
});

it("CRC-32C is that of RFC 9260, also over several slices", async () => {
  // The check value of the algorithm, 0xE3069283.
  expect(await computeChecksum(new Blob(["123456789"]), "crc32c")).toEqual({
    algorithm: "crc32c",
    value: "4waSgw==",
  });
  const zeros = new Blob([new Uint8Array(32)]);
  // RFC 3720, appendix B.4, where the bytes are written the other way round.
  expect((await computeChecksum(zeros, "crc32c")).value).toBe("ipE2qg==");
});

it.each([0, 1, 55, 56, 63, 64, 1000, 2 ** 20 - 9, 2 ** 20 - 8, 2 ** 21 + 1])(
  "MD5 of %d bytes is that of RFC 1321",
  async (size) => {
    const bytes = randomBytes(size);
    const value = createHash("md5").update(bytes).digest("base64");
    expect((await computeChecksum(new Blob([bytes]), "md5")).value).toBe(value);
  },
);

it("SHA-256 is used where there is one and the body is small, and CRC-32C elsewhere", () => {
  const both = ["md5", "crc32c", "sha256"];
  expect(chooseAlgorithm(both, 1000)).toBe("sha256");
  expect(chooseAlgorithm(["md5", "crc32c"], 1000)).toBe("crc32c");
  expect(chooseAlgorithm(both, 100 * 2 ** 20)).toBe("crc32c");
  expect(chooseAlgorithm(["crc32c", "md5"], 1000)).toBe("crc32c");
  expect(chooseAlgorithm(["md5"], 1000)).toBe("md5");
  // A page that came over plain HTTP.
  vi.stubGlobal("crypto", {});
  expect(chooseAlgorithm(both, 1000)).toBe("crc32c");
  expect(chooseAlgorithm(["sha256"], 1000)).toBeUndefined();
});

it("a pause ends no later than the tries do, also with what comes on top of Retry-After", async () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  const run = makeRun(undefined, { for: "1 second" });
  const busy = transient("busy", new UploadError("offline", ""), 900);
  const pauses: Array<number> = [];
  const trying = persist(
    run,
    () => Promise.reject(busy),
    ({ delay }) => {
      pauses.push(delay);
      run.abort();
    },
  );
  await expect(trying).rejects.toMatchObject({ code: "aborted" });
  expect(pauses).toEqual([1000]);
});

it.each([
  [null, undefined],
  ["", undefined],
  ["0", 0],
  ["2", 2000],
  ["soon", undefined],
  ["-1", undefined],
  ["1e400", undefined],
  ["NaN", undefined],
  ["(".repeat(16_000), undefined],
  ["Wed, 21 Oct 2015 07:28:00 GMT", undefined],
])("Retry-After %.40j is %j milliseconds", (header, milliseconds) => {
  expect(retryAfter(header)).toBe(milliseconds);
});

it("Retry-After may be a date, by the clock of who has written it", () => {
  const wait = retryAfter(new Date(Date.now() + 60_000).toUTCString()) ?? 0;
  expect(wait).toBeGreaterThan(50_000);
  expect(wait).toBeLessThanOrEqual(60_000);
  const date = "Wed, 21 Oct 2015 07:28:00 GMT";
  expect(retryAfter("Wed, 21 Oct 2015 07:28:02 GMT", date)).toBe(2000);
  expect(retryAfter("Wed, 21 Oct 2015 07:28:02 GMT", "soon")).toBeUndefined();
});

it.each([
  [5, "5 B"],
  [1000, "1 kB"],
  [2048, "2 KiB"],
  [1_500_000, "1.5 MB"],
  [3 * 2 ** 19, "1.5 MiB"],
  [125 * 2 ** 20, "125 MiB"],
  [12_345_678, "12.3 MB"],
  [1e9, "1 GB"],
  [5 * 2 ** 40, "5,120 GiB"],
])("%d bytes are %s to a person", (bytes, words) => {
  expect(sizeInWords(bytes)).toBe(words);
});
