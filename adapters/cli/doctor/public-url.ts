import * as Effect from "effect/Effect";
import { codeOf, messageOf } from "../../settings/thrown.ts";
import { send } from "../../storage/contract/send.ts";
import { failed, type Findings, passed, unknown } from "./finding.ts";
import { NoAnswer } from "./target.ts";
import { problemOf } from "./unreachable.ts";

/**
 * Whether this service answers where clients look for it. Where nothing answers, it may not run yet,
 * or the name may be one for clients alone.
 */
export const publicUrl = ({ origin }: URL): Effect.Effect<Findings> =>
  Effect.tryPromise({
    try: (signal) => send("GET", `${origin}/healthz`, { signal }),
    catch: (cause) => new NoAnswer({ reason: messageOf(cause), code: String(codeOf(cause)) }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: "3 seconds",
      orElse: () => Effect.fail(new NoAnswer({ reason: "", code: "ETIMEDOUT" })),
    }),
    Effect.match({
      onSuccess: ({ status, body }) => [
        body.toString().includes('"status":"alive"')
          ? passed("public address", `this service answers at ${origin}`)
          : failed(
              "public address",
              `${origin} answered ${status}, and not as this service`,
              "Clients call the API there, and links lead there.",
              "correct PUBLIC_URL, or where the proxy there sends its requests",
            ),
      ],
      onFailure: (failure) => {
        const [problem, mend] = problemOf(failure, "PUBLIC_URL");
        return [
          /CERT|TLS|SSL/.test(failure.code ?? "")
            ? failed("public address", `${origin} ${problem}`, "No browser goes there.", mend)
            : unknown(
                "public address",
                `${origin} ${problem.replace(/ within .*/, "")}, as seen from here`,
                "start the service and run the doctor again; if clients get no answer either, correct PUBLIC_URL",
              ),
        ];
      },
    }),
  );
