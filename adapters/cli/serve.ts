import * as Effect from "effect/Effect";
import type { Listen } from "../http/server/listen.ts";
import { serve } from "../service/serve.ts";
import { findWarnings, readAll, type Settings } from "../service/settings.ts";
import { errorReason } from "../values/thrown.ts";
import { command } from "./command/command.ts";
import { orFail } from "./command/configuration.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { print, tell } from "./command/output.ts";
import { readyFacts, startMessage } from "./start-message.ts";

export const CANNOT_START = "Valetkey cannot start";

export const serveCommand = (listen: Listen) =>
  command({
    name: "serve",
    summary: "Run the service; environment variables configure it, see docs/configuration.md",
    options: {},
    run: async () => {
      // The service keeps running if a reader of its log or audit ends.
      for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
      // Exits explicitly, since probes and metrics are answered until then.
      try {
        const settings = orFail(readAll(process.env), CANNOT_START, process.env);
        await Effect.runPromise(serve(listen, settings, announce(settings)));
        process.exit(0);
      } catch (cause) {
        const message = `${CANNOT_START}: ${errorReason(cause)}\n`;
        const failure = cause instanceof CommandFailure ? cause : { code: EXIT.failure, message };
        tell(failure.message);
        process.exit(failure.code);
      }
    },
  });

const announce = (settings: Settings) =>
  Effect.fnUntraced(function* (isForPeople: boolean) {
    const { http, identity, storage } = settings;
    const started = {
      address: http.publicUrl.origin,
      callers: identity.callers,
      store: storage.description,
    };
    if (isForPeople) print(startMessage(started));
    else yield* Effect.logInfo("ready", readyFacts(started));
    for (const warning of findWarnings(process.env, settings)) yield* Effect.logWarning(warning);
  });
