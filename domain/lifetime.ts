import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";

/** A lifetime in whole seconds; Signature Version 4 of AWS cannot express more than 7 days. */
export const Lifetime = wholeSeconds(
  7 * 24 * 60 * 60,
  "lifetime: it is not between 1 second and 7 days",
).pipe(Schema.brand("Lifetime"));
export type Lifetime = typeof Lifetime.Type;

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

export const lifetimeText = <A extends Duration.Duration>(
  lifetime: Schema.Codec<A, Duration.Duration>,
) =>
  Schema.DurationFromString.pipe(Schema.decodeTo(lifetime)) as unknown as Schema.Codec<
    A,
    WrittenLifetime
  >;
