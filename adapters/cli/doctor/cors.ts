import * as Effect from "effect/Effect";
import { digest } from "../../storage/contract/digest.ts";
import { BYTES, check, type Doctor, type StoreAnswer } from "./doctor.ts";

/** Uploads as a page of each origin: the preflight, and the PUT unless only a look is taken. */
export const cors = (
  doctor: Doctor,
  options: { readonly isLook: boolean },
): Effect.Effect<unknown> =>
  Effect.forEach(doctor.origins, (origin) => uploadFrom(doctor, origin, options));

const uploadFrom = check(
  "cors",
  function* (doctor, report, origin: string, { isLook }: { readonly isLook: boolean }) {
    const { send, signPut, presigner, put } = doctor;
    const failed = (answer: StoreAnswer, problem: string) =>
      report.failed(
        `${origin}: ${problem}`,
        'The browser sends no upload from that page, and shows only "Failed to fetch".',
        allowedBy(answer).length > 1 ? ALLOWED_TWICE : allowMend(doctor, origin),
      );
    const [algorithm] = presigner.checksums;
    const checksum = algorithm && { algorithm, value: digest(algorithm, BYTES) };
    const signed = yield* signPut({ strict: true, ...(checksum && { checksum }) });
    const names = Object.keys(signed.headers).map((name) => name.toLowerCase());
    const preflight = yield* send("OPTIONS", signed.url, {
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": names.toSorted().join(","),
      },
    });
    const problem = preflightProblem(preflight, origin, names);
    if (problem !== undefined) return failed(preflight, problem);
    if (isLook) return report.passed(`${origin} may upload`);
    const answer = yield* put(signed, { headers: { Origin: origin } });
    if (!allows(answer, origin)) {
      const isTwice = allowedBy(answer).length > 1;
      const problem = isTwice ? "allows origins twice" : "does not allow the page";
      return failed(answer, `the answer to the PUT itself ${problem}`);
    }
    return lists(answer, "expose-headers", "etag")
      ? report.passed(`${origin} may upload, and read the ETag`)
      : report.failed(
          `${origin}: the page may upload, but not read the ETag`,
          "Large files in parts cannot be completed without it.",
          allowMend(doctor, origin),
        );
  },
);

function allowMend({ isEmbedded, s3, rules }: Doctor, origin: string): string {
  if (isEmbedded) return `add ${origin} to CORS_ORIGINS`;
  if (s3?.provider === "minio") {
    return `start MinIO with ${origin} in MINIO_API_CORS_ALLOW_ORIGIN; it has no rules per bucket`;
  }
  return rules?.apply === undefined
    ? `valetkey cors --origin ${origin} prints what to run`
    : `valetkey cors --origin ${origin} --apply`;
}

const ALLOWED_TWICE =
  "let the store or the proxy add CORS headers, and not both: nginx: proxy_hide_header Access-Control-Allow-Origin";

function preflightProblem(
  answer: StoreAnswer,
  origin: string,
  names: ReadonlyArray<string>,
): string | undefined {
  if (!answer.ok || !allows(answer, origin)) {
    const allowed = allowedBy(answer);
    const instead =
      allowed.length === 0
        ? "no origin is allowed"
        : allowed.length > 1
          ? `Access-Control-Allow-Origin is there twice (${allowed.join(", ")})`
          : `it allows ${allowed[0]}`;
    return `the preflight is answered with ${answer.status}, and ${instead}`;
  }
  if (!lists(answer, "allow-methods", "put")) return "the preflight does not allow PUT";
  const missing = names.filter((name) => !lists(answer, "allow-headers", name));
  return missing.length === 0 ? undefined : `the preflight does not allow ${missing.join(", ")}`;
}

const allows = ({ headers }: StoreAnswer, origin: string) =>
  ["*", origin].includes(headers["access-control-allow-origin"] ?? "");

/** The allowed origins. Browsers take one value alone, even if several are the same. */
const allowedBy = (answer: StoreAnswer) => splitList(answer.headers["access-control-allow-origin"]);

const lists = ({ headers }: StoreAnswer, name: string, item: string): boolean => {
  const items = splitList(String(headers[`access-control-${name}`] ?? "").toLowerCase());
  return items.includes(item) || items.includes("*");
};

const splitList = (list: string | undefined): ReadonlyArray<string> =>
  list?.split(",").map((item) => item.trim()) ?? [];
