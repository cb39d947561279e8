import * as Effect from "effect/Effect";
import { check, type Doctor, type StoreAnswer } from "./doctor.ts";

/** Uploads as a page of each origin: the preflight, and the PUT unless the doctor only looks. */
export const cors = (
  doctor: Doctor,
  options: { readonly isLook: boolean },
): Effect.Effect<unknown> =>
  Effect.forEach(doctor.origins, (origin) => uploadFrom(doctor, origin, options));

const uploadFrom = check(
  "cors",
  function* (doctor, report, origin: string, { isLook }: { readonly isLook: boolean }) {
    const failed = (answer: StoreAnswer, problem: string) =>
      report.failed(
        `${origin}: ${problem}`,
        'The browser sends no upload from that page, and shows only "Failed to fetch".',
        list(answer, "allow-origin").length > 1
          ? "let the store or the proxy add CORS headers, and not both: nginx: proxy_hide_header Access-Control-Allow-Origin"
          : allowMend(doctor, origin),
      );
    const signed = yield* doctor.signPut({ strict: true, ...doctor.checksummed });
    const names = Object.keys(signed.headers).map((name) => name.toLowerCase());
    const preflight = yield* doctor.send("OPTIONS", signed.url, {
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": names.toSorted().join(","),
      },
    });
    const problem = preflightProblem(preflight, origin, names);
    if (problem !== undefined) return failed(preflight, problem);
    if (isLook) return report.passed(`${origin} may upload`);
    const answer = yield* doctor.put(signed, { headers: { Origin: origin } });
    if (!allows(answer, origin)) {
      const isTwice = list(answer, "allow-origin").length > 1;
      const problem = isTwice ? "allows origins twice" : "does not allow the page";
      return failed(answer, `the answer to the PUT itself ${problem}`);
    }
    if (lists(answer, "expose-headers", "etag")) {
      return report.passed(`${origin} may upload, and read the ETag`);
    }
    const seen = `${origin}: the page may upload, but not read the ETag`;
    const why = "Large files in parts cannot be completed without it.";
    return report.failed(seen, why, allowMend(doctor, origin));
  },
);

function allowMend({ isEmbedded, s3, rules }: Doctor, origin: string): string {
  if (isEmbedded) return `add ${origin} to CORS_ORIGINS`;
  if (s3?.provider === "minio") {
    return `start MinIO with ${origin} in MINIO_API_CORS_ALLOW_ORIGIN; it has no rules per bucket`;
  }
  const command = `valetkey cors --origin ${origin}`;
  return rules?.apply === undefined ? `${command} prints what to run` : `${command} --apply`;
}

function preflightProblem(
  answer: StoreAnswer,
  origin: string,
  names: ReadonlyArray<string>,
): string | undefined {
  if (!answer.ok || !allows(answer, origin)) {
    const allowed = list(answer, "allow-origin");
    const seen = `the preflight is answered with ${answer.status}`;
    if (allowed.length === 0) return `${seen}, and no origin is allowed`;
    return allowed.length === 1
      ? `${seen}, and it allows ${allowed[0]}`
      : `${seen}, and Access-Control-Allow-Origin is there twice (${allowed.join(", ")})`;
  }
  if (!lists(answer, "allow-methods", "put")) return "the preflight does not allow PUT";
  const missing = names.filter((name) => !lists(answer, "allow-headers", name));
  return missing.length === 0 ? undefined : `the preflight does not allow ${missing.join(", ")}`;
}

/** Returns the items of a header; browsers accept only one origin, even if several are equal. */
const list = ({ headers }: StoreAnswer, name: string): ReadonlyArray<string> =>
  headers[`access-control-${name}`]
    ?.toString()
    .split(",")
    .map((item) => item.trim()) ?? [];

const allows = (answer: StoreAnswer, origin: string) => {
  const [allowed = "", ...others] = list(answer, "allow-origin");
  return others.length === 0 && ["*", origin].includes(allowed);
};

const lists = (answer: StoreAnswer, name: string, item: string) =>
  list(answer, name).some((each) => ["*", item].includes(each.toLowerCase()));
