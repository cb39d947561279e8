import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { DEFAULT_STORE } from "../../domain/place.ts";
import type { Listen } from "../http/server/listen.ts";
import type { DevelopmentToken } from "../identity/dev.ts";
import type { CallerSettings } from "../identity/settings.ts";
import { serve } from "../service/serve.ts";
import { findWarnings, readAll, type Settings } from "../service/settings.ts";
import { anyOf } from "../settings/setting.ts";
import { STORE_NAMES } from "../storage/settings.ts";
import { errorReason } from "../values/thrown.ts";
import { command } from "./command/command.ts";
import { orFail } from "./command/configuration.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { print, printMessage } from "./command/output.ts";

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
        printMessage(failure.message);
        process.exit(failure.code);
      }
    },
  });

const announce = (settings: Settings) =>
  Effect.fnUntraced(function* (isForPeople: boolean) {
    if (isForPeople) print(startMessage(settings));
    else {
      yield* Effect.logInfo("ready", readyFacts(settings));
      // The log may go into a file.
      if (process.stderr.isTTY) printMessage(startMessage(settings));
    }
    for (const warning of findWarnings(process.env, settings)) yield* Effect.logWarning(warning);
  });

function startMessage(settings: Settings): string {
  const { http, identity } = settings;
  const { callers } = identity;
  const address = http.publicUrl.origin;
  const [page, callerLine] = callerLines(callers, address);
  const lines = [
    callerLine,
    ["Store", storeInWords(settings)],
    [
      "Switch",
      `STORAGE_ADAPTER=${anyOf(STORE_NAMES.slice(1))}, with the variables in docs/stores.md`,
    ],
    ["Stop", "Ctrl+C"],
  ];
  const text = lines.map(([name = "", fact = ""]) => `  ${name.padEnd(8)} ${fact}\n`).join("");
  return `\nValetkey is ready at\n\n  ${page}\n\n${text}\n`;
}

/** The facts for the log. It may be collected, so it has only the tokens that were generated. */
function readyFacts(settings: Settings) {
  const { http, identity } = settings;
  const { callers } = identity;
  const address = http.publicUrl.origin;
  const facts = { address, store: storeInWords(settings), auth: callers.auth };
  if (callers.auth !== "dev") return facts;
  const { user, service } = callers.tokens;
  return {
    ...facts,
    ...(user.isGenerated && { page: pageAddress(address, user) }),
    ...(service.isGenerated && { serviceToken: Redacted.value(service.value) }),
  };
}

/** Names the store of organizations that nobody places. */
const storeInWords = ({ storage, several }: Settings) =>
  several === undefined || several.hasDefault || several.stores.has(DEFAULT_STORE)
    ? storage.description
    : "no default: STORES has those of organizations";

const pageAddress = (address: string, { value }: DevelopmentToken) =>
  `${address}/#token=${Redacted.value(value)}`;

/** Returns the address to open, and who may call. */
function callerLines(
  callers: CallerSettings,
  address: string,
): readonly [page: string, line: readonly [string, string]] {
  switch (callers.auth) {
    case "dev": {
      const { user, service } = callers.tokens;
      const token = Redacted.value(service.value);
      return [
        pageAddress(address, user),
        ["Service", `token ${token}, for callers that are services`],
      ];
    }
    case "static":
      return [address, ["Callers", `${callers.tokens.length} tokens in ${callers.file}`]];
    case "jwt":
      return [
        address,
        ["Callers", `with a token of ${callers.issuer} for ${callers.audience.join(", ")}`],
      ];
    case "forward":
      return [address, ["Callers", `named by ${callers.user}, from trusted proxies`]];
  }
}
