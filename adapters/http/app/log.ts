import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import * as References from "effect/References";

type Log = (message: string, facts: Readonly<Record<string, unknown>>) => void;

/**
 * Writes entries of one level to the log of `services`, outside of a program; undefined if that
 * level is not logged. `Effect.log` would need a fiber for each entry.
 */
export function logAt(level: LogLevel.LogLevel, services: Context.Context<never>): Log | undefined {
  const lowest = Context.get(services, References.MinimumLogLevel);
  if (!LogLevel.isLessThanOrEqualTo(lowest, level)) return undefined;
  const clock = Context.get(services, Clock.Clock);
  const loggers = [...Context.get(services, Logger.CurrentLoggers)];
  // Loggers get a fiber: one stands for all entries.
  const fiber = Effect.runForkWith(services)(Effect.never);
  return (...message) => {
    const date = new Date(clock.currentTimeMillisUnsafe());
    for (const logger of loggers) {
      logger.log({ message, logLevel: level, cause: Cause.empty, fiber, date });
    }
  };
}
