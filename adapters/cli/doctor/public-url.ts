import * as Effect from "effect/Effect";
import { send } from "../../storage/contract/send.ts";
import { asked, ASKED_TIMEOUT } from "./asked.ts";
import { failed, type Findings, passed, unknown } from "./finding.ts";
import { problemOf } from "./unreachable.ts";

/**
 * Whether this service answers where clients look for it. Where nothing answers, it may not run yet,
 * or the name may be one for clients alone.
 */
export const publicUrl = ({ origin }: URL): Effect.Effect<Findings> =>
  asked((signal) => send("GET", `${origin}/healthz`, { signal })).pipe(
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
        const [problem, mend] = problemOf(failure, "PUBLIC_URL", ASKED_TIMEOUT);
        return [
          /CERT|TLS|SSL/.test(failure.code ?? "")
            ? failed("public address", `${origin} ${problem}`, "No browser goes there.", mend)
            : unknown(
                "public address",
                `${origin} ${problem}, as seen from here`,
                "start the service and run the doctor again; if clients get no answer either, correct PUBLIC_URL",
              ),
        ];
      },
    }),
  );
