import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { RedisSettings } from "../../limits/redis/settings.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { send } from "../../storage/contract/send.ts";
import { clockFault } from "../../storage/rest/refusal-reason.ts";
import { codeOf, messageOf } from "../../thrown.ts";
import { type Doctor, NoAnswer, type StoreAnswer, TIMEOUT } from "./doctor.ts";
import { reportTo, type Tell } from "./finding.ts";

// Endpoints of the store, the Redis and the service: whether something answers, and the right thing.

const SETTING = { internal: "STORAGE_ENDPOINT", public: "STORAGE_PUBLIC_ENDPOINT" } as const;

const NEEDED_BY = {
  internal: "This service and its peers reach the store there.",
  public: "Uploads and downloads go there.",
} as const;

/** The endpoints that answer, and the clock of the store. */
export interface Reached {
  /** That of browsers first; empty if the store is dead. */
  readonly alive: ReadonlyArray<Audience>;
  /** By how many milliseconds this machine's clock is ahead of the store's, if that matters. */
  readonly ahead: number;
}

/** Sends each endpoint one of our own signed URLs, and compares its clock with ours. */
export const endpoints = (doctor: Doctor): Effect.Effect<Reached> =>
  Effect.gen(function* () {
    const key = yield* doctor.newKey;
    const places = yield* Effect.forEach(["internal", "public"] as const, (audience) =>
      Effect.map(doctor.signGet(key, { audience }), ({ url }) => ({
        audience,
        url,
        origin: new URL(url).origin,
      })),
    );
    const isOne = places[0]?.origin === places[1]?.origin;
    const asked = yield* Effect.forEach(
      isOne ? places.slice(1) : places,
      Effect.fnUntraced(function* (place) {
        const setting = SETTING[isOne ? "internal" : place.audience];
        const answer = yield* Effect.result(doctor.send("GET", place.url));
        const now = yield* Clock.currentTimeMillis;
        return Result.match(answer, {
          onSuccess: (answer) => ({
            ...place,
            problem: notAStore(answer, setting),
            fault: clockFault(answer.headers.date, now)?.replace(/;.*/, ""),
            difference: now - Date.parse(answer.headers.date ?? ""),
          }),
          onFailure: (failure) => ({
            ...place,
            problem: deadEndpoint(failure, { ...place, setting, bucket: doctor.bucket }),
            fault: undefined,
            difference: 0,
          }),
        });
      }),
      { concurrency: 2 },
    );
    for (const { audience, origin, problem } of asked) {
      const { passed, failed } = doctor.report(isOne ? "endpoint" : `${audience} endpoint`);
      const isSecure = origin.startsWith("https:");
      if (problem === undefined) {
        passed(`${origin} answers${isSecure ? ", with a valid certificate" : ""}`);
      } else failed(`${origin} ${problem[0]}`, NEEDED_BY[audience], problem[1]);
    }
    const alive = asked.filter(({ problem }) => problem === undefined);
    const clock = doctor.report("clock");
    const wrong = alive.find(({ fault }) => fault !== undefined);
    const silent = alive.find(({ difference }) => Number.isNaN(difference));
    if (wrong?.fault !== undefined) {
      clock.failed(
        wrong.fault,
        "A store refuses a URL whose time is not its own, so every upload is a 403. The checks below use the store's time.",
        "sudo timedatectl set-ntp true, on the machine whose clock is wrong",
      );
    } else if (silent !== undefined) {
      clock.unknown(`${silent.origin} sends no Date, or a proxy removes it`);
    } else if (alive.length > 0) {
      clock.passed("this machine and the store differ by less than a minute");
    }
    return {
      alive: alive.map(({ audience }) => audience).toReversed(),
      ahead: wrong?.difference ?? 0,
    };
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.sync(() => {
        doctor.report("endpoint").unknown(`no request was sent to the store: ${reason}`);
        return { alive: [], ahead: 0 };
      }),
    ),
  );

/** The problem of an endpoint, and how to correct its setting. */
type Problem = readonly [problem: string, mend: string];

function deadEndpoint(
  failure: NoAnswer,
  { setting, origin, bucket }: { setting: string; origin: string; bucket: string },
): Problem {
  const [problem, mend] = networkProblem(failure, setting);
  return failure.code === "ENOTFOUND" && new URL(origin).host.startsWith(`${bucket}.`)
    ? [
        problem,
        `set STORAGE_PATH_STYLE=on, unless the store has a name for each bucket; else ${mend}`,
      ]
    : [problem, mend];
}

/** Names another server that answers instead of the store; undefined for a store. */
function notAStore({ status, headers, body, code }: StoreAnswer, setting: string) {
  if ((status >= 300 && code !== undefined) || status === 412) return undefined;
  const { location = "" } = headers;
  const text = body.toString("latin1", 0, 4096);
  const isRedirect = status >= 300 && status < 400;
  if (isRedirect && URL.canParse(location)) {
    const { origin } = new URL(location);
    return [
      `redirects to ${origin} (${status})`,
      `set ${setting}=${origin}, or let it answer without a redirect: a signed URL is valid for one host`,
    ] as const;
  }
  if (isRedirect) {
    return [
      `redirects to a page of its own (${status})`,
      "let it pass requests with a signed URL, which need no login",
    ] as const;
  }
  if (/HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(text)) {
    return [`answered ${status}: it speaks https`, `let ${setting} begin with https://`] as const;
  }
  if (status >= 502 && status <= 504) {
    return [
      `answered ${status}: a proxy is there, and no store behind it answers`,
      "start the store, or correct where the proxy sends its requests",
    ] as const;
  }
  if ([401, 403, 407, 429].includes(status)) {
    return [
      `answered ${status}, and not as a store: a proxy, a firewall or a login refuses`,
      "let it pass requests with a signed URL, which need nothing else",
    ] as const;
  }
  const isPage = /^\s*<(?:!doctype html|html)/i.test(text);
  return [
    `answered ${status}${isPage ? " with a web page" : ""}, and not as a store`,
    `set ${setting} to the address of the store's API, and not of its console (MinIO: port 9000, not 9001) or of another server`,
  ] as const;
}

/** Explains an error of the network. */
function networkProblem(
  { code = "", reason }: NoAnswer,
  setting: string,
  timeout = TIMEOUT,
): Problem {
  const [problem, mend] = NETWORK_PROBLEMS.get(code) ?? [
    `failed: ${reason}`,
    "see what listens at SETTING, and its log",
  ];
  return [problem.replace("TIMEOUT", timeout), mend.replaceAll("SETTING", setting)];
}

const TRUST =
  "get a certificate that browsers trust; for an authority of your own set NODE_EXTRA_CA_CERTS=/path/to/ca.pem, and let browsers trust it too";
const NO_TLS: Problem = ["does not speak TLS", "use http in SETTING, or let the store speak TLS"];

const NETWORK_PROBLEMS = new Map<string, Problem>(
  Object.entries({
    ENOTFOUND: [
      "does not resolve: there is no such name",
      "correct SETTING, or add the name to DNS",
    ],
    EAI_AGAIN: [
      "does not resolve: the name server does not answer",
      "correct SETTING, or the name server of this machine",
    ],
    ECONNREFUSED: [
      "refuses the connection: nothing listens there",
      "start what should listen there, or correct SETTING",
    ],
    ETIMEDOUT: [
      "does not answer within TIMEOUT",
      "open the way through the firewall, or correct SETTING",
    ],
    EHOSTUNREACH: ["cannot be reached", "correct SETTING, or the route to it"],
    ECONNRESET: [
      "closes the connection without an answer",
      "check whether SETTING has to be https, and the proxies in front of the store",
    ],
    EPROTO: NO_TLS,
    ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
    CERT_HAS_EXPIRED: ["has a certificate that has expired", "renew the certificate there"],
    DEPTH_ZERO_SELF_SIGNED_CERT: ["has a certificate that it signed itself", TRUST],
    SELF_SIGNED_CERT_IN_CHAIN: [
      "has a certificate of an authority that this machine does not know",
      TRUST,
    ],
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
      "has a certificate whose chain is not complete",
      `let the server send the whole chain; or ${TRUST}`,
    ],
    ERR_TLS_CERT_ALTNAME_INVALID: [
      "has a certificate for another name",
      "correct SETTING, or get a certificate for that name",
    ],
  }),
);

/** The time limit of an answer of the Redis or the service. */
const PEER_TIMEOUT = "3 seconds";

const askPeer = <A>(ask: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) => new NoAnswer({ reason: messageOf(cause), code: String(codeOf(cause)) }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: PEER_TIMEOUT,
      orElse: () => Effect.fail(new NoAnswer({ reason: "no answer", code: "ETIMEDOUT" })),
    }),
  );

/** Connects to the Redis in which processes count together. */
export function redis(settings: RedisSettings, tell: Tell): Effect.Effect<void> {
  const { passed, failed } = reportTo(tell, "redis");
  const name = Redacted.value(settings.urls)
    .map((url) => new URL(url).host)
    .join(", ");
  return askPeer(async () => {
    const { reach } = await import("../../limits/redis/connection.ts").catch(
      neededBy("counting in Redis", "@redis/client"),
    );
    await reach(settings);
  }).pipe(
    Effect.match({
      onSuccess: () => passed(`${name} answers`),
      onFailure: (failure) => {
        const [problem, mend] = /^(?:NOAUTH|WRONGPASS|NOPERM)/.test(failure.reason)
          ? [`refuses: ${failure.reason}`, "correct user and password in REDIS_URL"]
          : networkProblem(failure, "REDIS_URL", PEER_TIMEOUT);
        const why = "Limits are counted by each process alone, and Idempotency-Keys are refused.";
        failed(`${name} ${problem}`, why, mend);
      },
    }),
  );
}

/**
 * Sends a request to the public address of the service. Where nothing answers, the service may not
 * run yet, or the name may be one for clients alone.
 */
export function publicUrl({ origin }: URL, tell: Tell): Effect.Effect<void> {
  const { passed, failed, unknown } = reportTo(tell, "public address");
  return askPeer((signal) => send("GET", `${origin}/healthz`, { signal })).pipe(
    Effect.match({
      onSuccess: ({ status, body }) =>
        body.toString().includes('"status":"alive"')
          ? passed(`this service answers at ${origin}`)
          : failed(
              `${origin} answered ${status}, and not as this service`,
              "Clients call the API there, and links lead there.",
              "correct PUBLIC_URL, or where the proxy there sends its requests",
            ),
      onFailure: (failure) => {
        const [problem, mend] = networkProblem(failure, "PUBLIC_URL", PEER_TIMEOUT);
        if (/CERT|TLS|SSL/.test(failure.code ?? "")) {
          return failed(`${origin} ${problem}`, "Browsers do not connect to it.", mend);
        }
        return unknown(
          `${origin} ${problem}, as seen from here`,
          "start the service and run the doctor again; if clients get no answer either, correct PUBLIC_URL",
        );
      },
    }),
  );
}
