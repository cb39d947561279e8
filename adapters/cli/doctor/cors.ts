import * as Effect from "effect/Effect";
import type { Audience, SignedRequest } from "../../../application/ports/presigner.ts";
import { digest } from "../../storage/contract/digest.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { BYTES, check, type Target } from "./target.ts";

const WHY = 'The browser sends no upload from that page, and shows only "Failed to fetch".';

/** Whether a page of each origin may upload: by the preflight that a browser sends, and the PUT. */
export const cors = (
  target: Target,
  audience: Audience,
  settings: {
    readonly origins: ReadonlyArray<string>;
    readonly isEmbedded: boolean;
    /** Whether the preflight alone is looked at, and nothing is uploaded. */
    readonly isLook: boolean;
  },
): Effect.Effect<Findings> =>
  Effect.forEach(settings.origins, (origin) =>
    check(
      "cors",
      Effect.gen(function* () {
        const { isEmbedded, isLook } = settings;
        const mend = isEmbedded ? `add ${origin} to CORS_ORIGINS` : mendOf(target, origin);
        const [algorithm] = target.presigner.checksums;
        const signed = yield* target.signPut(yield* target.newKey, {
          audience,
          strict: true,
          ...(algorithm && { checksum: { algorithm, value: digest(algorithm, BYTES) } }),
        });
        const names = Object.keys(signed.headers).map((name) => name.toLowerCase());
        const preflight = yield* target.send("OPTIONS", signed.url, {
          headers: {
            Origin: origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": names.toSorted().join(","),
          },
        });
        const problem = preflightProblem(preflight, origin, names);
        if (problem !== undefined) {
          const how = allowedIn(preflight).length > 1 ? TWICE : mend;
          return [failed("cors", `${origin}: ${problem}`, WHY, how)];
        }
        if (isLook) return [passed("cors", `${origin} may upload`)];
        return yield* exposed(target, signed, origin, mend);
      }),
    ),
  ).pipe(Effect.map((findings) => findings.flat()));

function mendOf({ s3, rules }: Target, origin: string): string {
  if (s3?.provider === "minio") {
    return `start MinIO with ${origin} in MINIO_API_CORS_ALLOW_ORIGIN; it has no rules per bucket`;
  }
  return rules?.apply === undefined
    ? `valetkey cors --origin ${origin} prints what to run`
    : `valetkey cors --origin ${origin} --apply`;
}

/** Whether the answer to the PUT itself lets the page read it, with its ETag. */
const exposed = Effect.fnUntraced(function* (
  target: Target,
  signed: SignedRequest,
  origin: string,
  mend: string,
) {
  const answer = yield* target.put(signed, { headers: { Origin: origin } });
  const exposed = listIn(answer, "access-control-expose-headers");
  if (!allows(answer, origin)) {
    const isTwice = allowedIn(answer).length > 1;
    const problem = isTwice ? "allows origins twice" : "does not allow the page";
    return [
      failed(
        "cors",
        `${origin}: the answer to the PUT itself ${problem}`,
        WHY,
        isTwice ? TWICE : mend,
      ),
    ];
  }
  return exposed.includes("etag") || exposed.includes("*")
    ? [passed("cors", `${origin} may upload, and read the ETag`)]
    : [
        failed(
          "cors",
          `${origin}: the page may upload, but not read the ETag`,
          "Large files in parts cannot be put together without it.",
          mend,
        ),
      ];
});

function preflightProblem(
  answer: Answer,
  origin: string,
  names: ReadonlyArray<string>,
): string | undefined {
  if (!answer.ok || !allows(answer, origin)) {
    const allowed = allowedIn(answer);
    const instead =
      allowed.length === 0
        ? "no origin is allowed"
        : allowed.length > 1
          ? `Access-Control-Allow-Origin is there twice (${allowed.join(", ")})`
          : `it allows ${allowed[0]}`;
    return `the preflight is answered with ${answer.status}, and ${instead}`;
  }
  const methods = listIn(answer, "access-control-allow-methods");
  if (!methods.includes("put") && !methods.includes("*")) return "the preflight does not allow PUT";
  const headers = listIn(answer, "access-control-allow-headers");
  const missing = names.filter((name) => !headers.includes(name) && !headers.includes("*"));
  return missing.length === 0 ? undefined : `the preflight does not allow ${missing.join(", ")}`;
}

/** Browsers take one value alone, even if several are the same. */
const allowedIn = ({ headers }: Answer): ReadonlyArray<string> =>
  headers["access-control-allow-origin"]?.split(",").map((value) => value.trim()) ?? [];

const allows = (answer: Answer, origin: string) =>
  ["*", origin].includes(answer.headers["access-control-allow-origin"] ?? "");

const TWICE =
  "let the store or the proxy add CORS headers, and not both: nginx: proxy_hide_header Access-Control-Allow-Origin";

const listIn = ({ headers }: Answer, name: string): ReadonlyArray<string> =>
  String(headers[name] ?? "")
    .toLowerCase()
    .split(",")
    .map((item) => item.trim());
