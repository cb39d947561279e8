import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";

/**
 * The lifetime of a signed request: 1 second to 7 days, in whole seconds. Signature Version 4 of AWS
 * cannot express more in `X-Amz-Expires`.
 */
export const Lifetime = wholeSeconds(
  7 * 24 * 60 * 60,
  "lifetime: it is not between 1 second and 7 days",
).pipe(Schema.brand("Lifetime"));
export type Lifetime = typeof Lifetime.Type;

/** Durations from 1 to `longest` seconds; `problem` says what any other is not. */
export function wholeSeconds(longest: number, problem: string) {
  return Schema.Duration.check(
    Schema.makeFilter<Duration.Duration>((value) => {
      const seconds = Duration.toSeconds(value);
      return Number.isInteger(seconds) && seconds >= 1 && seconds <= longest
        ? undefined
        : `Cannot parse ${problem} in whole seconds`;
    }),
  );
}

/** A duration in whole seconds, such as `"15 minutes"`. */
export type WrittenLifetime = `${number} ${"second" | "minute" | "hour" | "day"}${"" | "s"}`;

/** A lifetime as a person writes it. */
export const lifetimeText = <A extends Duration.Duration>(
  lifetime: Schema.Codec<A, Duration.Duration>,
) =>
  Schema.DurationFromString.pipe(Schema.decodeTo(lifetime)) as unknown as Schema.Codec<
    A,
    WrittenLifetime
  >;
