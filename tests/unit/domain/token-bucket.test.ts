import * as Duration from "effect/Duration";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type Bucket, take } from "../../../domain/token-bucket.ts";

const limits = fc.record({
  // Few enough that the requests below take all of them, again and again.
  count: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 40 })),
  window: fc.constantFrom(1_000, 60_000, 3_600_000, 86_400_000).map(Duration.millis),
});

/** Times between requests, in thousandths of a window; one below 0 is a clock that was set back. */
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 100 }) },
    { weight: 1, arbitrary: fc.integer({ min: -2000, max: 2000 }) },
  ),
  // Without a size it would seldom be more than ten.
  { maxLength: 150, size: "max" },
);

/** Sends requests one after the other, and gives what became of each, with when it came. */
function run(
  limit: { readonly count: number; readonly window: Duration.Duration },
  times: ReadonlyArray<number>,
) {
  let now = 1_700_000_000_000;
  let bucket: Bucket | undefined;
  return times.map((step) => {
    now += (step * Duration.toMillis(limit.window)) / 1000;
    const taken = take(limit, bucket, now);
    bucket = taken.bucket;
    return { ...taken, now };
  });
}

it("between any two requests, no more are allowed than the limit and its refill", () => {
  fc.assert(
    fc.property(limits, steps, (limit, steps) => {
      const taken = run(limit, steps);
      for (const [first, { now: begin }] of taken.entries()) {
        let allowed = 0;
        // The time in which something came back: all steps forward.
        let elapsed = 0;
        let before = begin;
        for (const { isAllowed, now } of taken.slice(first)) {
          elapsed += Math.max(0, now - before);
          before = now;
          if (isAllowed) allowed++;
          const most = limit.count + (limit.count * elapsed) / Duration.toMillis(limit.window);
          expect(allowed).toBeLessThanOrEqual(most + 0.01);
        }
      }
    }),
    { numRuns: 50 },
  );
});

it("a full limit of requests is allowed at once after a quiet window", () => {
  fc.assert(
    fc.property(limits, steps, (limit, steps) => {
      const burst = [1000, ...Array.from({ length: limit.count }, () => 0)];
      const taken = run(limit, [...steps, ...burst]).slice(steps.length);
      expect(taken.filter(({ isAllowed }) => isAllowed)).toHaveLength(limit.count);
      expect(taken.map(({ remaining }) => remaining)).toEqual([
        ...Array.from({ length: limit.count }, (_, used) => limit.count - used - 1),
        0,
      ]);
    }),
  );
});

it("no reported number is below 0 or above the limit", () => {
  fc.assert(
    fc.property(limits, steps, (limit, steps) => {
      const window = Duration.toMillis(limit.window);
      for (const { isAllowed, bucket, remaining, retryAfter, resetAfter } of run(limit, steps)) {
        expect(bucket.used).toBeGreaterThanOrEqual(0);
        expect(bucket.used).toBeLessThanOrEqual(limit.count + 0.01);
        expect(Number.isInteger(remaining)).toBe(true);
        expect(remaining).toBeGreaterThanOrEqual(0);
        expect(remaining).toBeLessThan(limit.count);
        expect(retryAfter > 0).toBe(!isAllowed);
        expect(retryAfter).toBeLessThanOrEqual(window / limit.count + 0.01);
        expect(resetAfter).toBeGreaterThan(0);
        expect(resetAfter).toBeLessThanOrEqual(window * 1.01);
      }
    }),
  );
});

it("a refused request is allowed after the time that it was told, and not before", () => {
  fc.assert(
    fc.property(limits, steps, (limit, steps) => {
      const burst = Array.from({ length: limit.count + 1 }, () => 0);
      const { isAllowed, bucket, retryAfter, now } = run(limit, [...steps, ...burst]).at(-1) ?? {};
      expect(isAllowed).toBe(false);
      const after = (milliseconds: number) => take(limit, bucket, (now ?? 0) + milliseconds);
      expect(after(Math.ceil(retryAfter ?? 0)).isAllowed).toBe(true);
      expect(after(Math.floor((retryAfter ?? 0) * 0.9)).isAllowed).toBe(false);
    }),
  );
});

it("a clock that is set back grants no more than one that stands still", () => {
  fc.assert(
    fc.property(limits, steps, (limit, steps) => {
      const granted = (times: ReadonlyArray<number>) =>
        run(limit, times).map(({ isAllowed }) => isAllowed);
      expect(granted(steps)).toEqual(granted(steps.map((step) => Math.max(0, step))));
    }),
  );
});
