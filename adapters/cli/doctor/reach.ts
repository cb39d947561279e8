import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { reaching } from "../../service/redis.ts";
import { send } from "../../contract/sending/send.ts";
import { clockFault } from "../../storage/rest/refusal-reason.ts";
import { type Doctor, exchange, NoAnswer, SILENCE, type StoreAnswer } from "./doctor.ts";
import { reportTo, type OnFinding } from "./finding.ts";
import { first, type Problem } from "./problems.ts";

const SETTING = { internal: "STORAGE_ENDPOINT", public: "STORAGE_PUBLIC_ENDPOINT" } as const;

const NEEDED_BY = {
  internal: "This service and its peers reach the store there.",
  public: "Uploads and downloads go there.",
} as const;

/**
 * Sends each endpoint a signed URL. Returns those that answer, that of browsers first, and by how
 * many milliseconds this machine's clock is ahead of the store's, if that matters.
 */
export const endpoints = (doctor: Doctor) =>
  Effect.gen(function* () {
    const key = doctor.newKey();
    const places = yield* Effect.forEach(["internal", "public"] as const, (audience) =>
      Effect.map(doctor.signGet(key, { audience }), ({ url }) => {
        const { origin, host } = new URL(url);
        return { audience, url, origin, host };
      }),
    );
    const isOne = places[0]?.origin === places[1]?.origin;
    const results = yield* Effect.forEach(
      isOne ? places.slice(1) : places,
      Effect.fnUntraced(function* (place) {
        const setting = SETTING[isOne ? "internal" : place.audience];
        const isBucketName = place.host.startsWith(`${doctor.bucket}.`);
        const { problem, date } = yield* Effect.match(doctor.send("GET", place.url), {
          onSuccess: (answer) => ({
            problem: otherServer(answer, setting),
            date: answer.headers.date,
          }),
          onFailure: (failure) => ({
            problem: networkProblem(failure, setting, { isBucketName }),
            date: undefined,
          }),
        });
        return { ...place, problem, date, now: yield* Clock.currentTimeMillis };
      }),
      { concurrency: 2 },
    );
    for (const { audience, origin, problem } of results) {
      const { passed, failed } = doctor.report(isOne ? "endpoint" : `${audience} endpoint`);
      const isSecure = origin.startsWith("https:");
      if (problem) failed(`${origin} ${problem.what}`, NEEDED_BY[audience], problem.mend);
      else passed(`${origin} answers${isSecure ? ", with a valid certificate" : ""}`);
    }
    const answers = results.filter(({ problem }) => problem === undefined);
    const ahead = compareClocks(doctor, answers);
    return { alive: answers.map(({ audience }) => audience).toReversed(), ahead };
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.sync(() => {
        doctor.report("endpoint").unknown(`no request was sent to the store: ${reason}`);
        return { alive: [], ahead: 0 };
      }),
    ),
  );

/** Returns by how much this machine's clock is ahead, if so much that stores refuse. */
function compareClocks(
  { report }: Doctor,
  answers: ReadonlyArray<{ origin: string; date: string | undefined; now: number }>,
): number {
  const { passed, failed, unknown } = report("clock");
  for (const { date, now } of answers) {
    const fault = clockFault(date, now);
    if (fault === undefined) continue;
    failed(
      fault.replace(/;.*/, ""),
      "A store refuses a URL whose time is not its own, so every upload is a 403. The checks below use the store's time.",
      "sudo timedatectl set-ntp true, on the machine whose clock is wrong",
    );
    return now - Date.parse(date ?? "");
  }
  const silent = answers.find(({ date = "" }) => Number.isNaN(Date.parse(date)));
  if (silent !== undefined) unknown(`${silent.origin} sends no Date, or a proxy removes it`);
  else if (answers.length > 0) passed("this machine and the store differ by less than a minute");
  return 0;
}

/** Names a server that answers instead of the store. */
function otherServer({ status, headers, body, code }: StoreAnswer, setting: string) {
  if ((status >= 300 && code !== undefined) || status === 412) return undefined;
  const { location = "" } = headers;
  const text = body.toString("latin1", 0, 4096);
  const isRedirect = status >= 300 && status < 400;
  const origin = isRedirect && URL.canParse(location) && new URL(location).origin;
  const isPage = /^\s*<(?:!doctype html|html)/i.test(text);
  return first({
    [`redirects to ${origin} (${status})`]:
      origin &&
      `set ${setting}=${origin}, or let it answer without a redirect: a signed URL is valid for one host`,
    [`redirects to a page of its own (${status})`]:
      isRedirect && "let it pass requests with a signed URL, which need no login",
    [`answered ${status}: it speaks https`]:
      /HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(text) &&
      `let ${setting} begin with https://`,
    [`answered ${status}: a proxy is there, and no store behind it answers`]:
      status >= 502 &&
      status <= 504 &&
      "start the store, or correct where the proxy sends its requests",
    [`answered ${status}, and not as a store: a proxy, a firewall or a login refuses`]:
      [401, 403, 407, 429].includes(status) &&
      "let it pass requests with a signed URL, which need nothing else",
    [`answered ${status}${isPage ? " with a web page" : ""}, and not as a store`]: `set ${setting} to the address of the store's API, and not of its console (MinIO: port 9000, not 9001) or of another server`,
  });
}

const TRUST =
  "get a certificate that browsers trust; for an authority of your own set NODE_EXTRA_CA_CERTS=/path/to/ca.pem, and let browsers trust it too";

const PATH_STYLE = "set STORAGE_PATH_STYLE=on, unless the store has a name for each bucket; else ";

const networkProblem = (
  { code, reason }: NoAnswer,
  setting: string,
  { timeout = `${SILENCE / 1000} seconds`, isBucketName = false, trust = TRUST },
): Problem =>
  first({
    [`refuses: ${reason}`]:
      /^(?:NOAUTH|WRONGPASS|NOPERM)/.test(reason) && `correct user and password in ${setting}`,
    "does not resolve: there is no such name":
      code === "ENOTFOUND" &&
      `${isBucketName ? PATH_STYLE : ""}correct ${setting}, or add the name to DNS`,
    "does not resolve: the name server does not answer":
      code === "EAI_AGAIN" && `correct ${setting}, or the name server of this machine`,
    "refuses the connection: nothing listens there":
      code === "ECONNREFUSED" && `start what should listen there, or correct ${setting}`,
    [`does not answer within ${timeout}`]:
      code === "ETIMEDOUT" && `open the way through the firewall, or correct ${setting}`,
    "cannot be reached": code === "EHOSTUNREACH" && `correct ${setting}, or the route to it`,
    "closes the connection without an answer":
      code === "ECONNRESET" &&
      `check whether ${setting} has to be https, and the proxies in front of the store`,
    "does not speak TLS":
      (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") &&
      `use http in ${setting}, or let the store speak TLS`,
    "has a certificate that has expired":
      code === "CERT_HAS_EXPIRED" && "renew the certificate there",
    "has a certificate that it signed itself": code === "DEPTH_ZERO_SELF_SIGNED_CERT" && trust,
    "has a certificate of an authority that this machine does not know":
      code === "SELF_SIGNED_CERT_IN_CHAIN" && trust,
    "has a certificate whose chain is not complete":
      code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE" &&
      `let the server send the whole chain; or ${trust}`,
    "has a certificate for another name":
      code === "ERR_TLS_CERT_ALTNAME_INVALID" &&
      `correct ${setting}, or get a certificate for that name`,
  }) ?? { what: `failed: ${reason}`, mend: `see what listens at ${setting}, and its log` };

/** Timeout for the Redis and the service. */
const PEER_TIMEOUT = "3 seconds";

const askPeer = <A>(ask: (signal: AbortSignal) => Promise<A>, setting: string, trust = TRUST) =>
  exchange(ask).pipe(
    Effect.timeoutOrElse({
      duration: PEER_TIMEOUT,
      orElse: () => Effect.fail(new NoAnswer({ reason: "no answer", code: "ETIMEDOUT" })),
    }),
    Effect.mapError((failure) => ({
      ...networkProblem(failure, setting, { timeout: PEER_TIMEOUT, trust }),
      isTls: /CERT|TLS|SSL/.test(failure.code ?? ""),
    })),
    Effect.result,
  );

/** Connects to the Redis in which processes count together. */
export const redis = Effect.fnUntraced(function* (
  settings: Parameters<typeof reaching>[0],
  tell: OnFinding,
) {
  const { passed, failed } = reportTo(tell, "redis");
  const urls = Redacted.value(settings.sentinels ?? settings.urls);
  const hosts = urls.map((url) => new URL(url).host).join(", ");
  const loading = reaching(settings);
  // The time that Redis has to answer begins after it.
  yield* Effect.ignore(Effect.tryPromise(() => loading));
  const ask = async () => (await loading)();
  const variable = settings.sentinels === undefined ? "REDIS_URL" : "REDIS_SENTINELS";
  const reached = yield* askPeer(
    ask,
    variable,
    "name its authority's certificate in REDIS_CA_FILE",
  );
  if (reached._tag === "Success") return passed(`${hosts} answers`);
  const why = "Limits are counted by each process alone, and no event is kept.";
  return failed(`${hosts} ${reached.failure.what}`, why, reached.failure.mend);
});

/**
 * Sends a request to the public address of the service. If nothing answers, the service may not run
 * yet, or only clients may reach that name.
 */
export const publicUrl = Effect.fnUntraced(function* ({ origin }: URL, tell: OnFinding) {
  const { passed, failed, unknown } = reportTo(tell, "public address");
  const result = yield* askPeer(
    (signal) => send("GET", `${origin}/healthz`, { signal }),
    "PUBLIC_URL",
  );
  if (result._tag === "Failure") {
    const { what, mend, isTls } = result.failure;
    if (isTls) return failed(`${origin} ${what}`, "Browsers do not connect to it.", mend);
    return unknown(
      `${origin} ${what}, as seen from here`,
      "start the service and run the doctor again; if clients get no answer either, correct PUBLIC_URL",
    );
  }
  const { status, body } = result.success;
  if (body.includes('"status":"alive"')) return passed(`this service answers at ${origin}`);
  const seen = `${origin} answered ${status}, and not as this service`;
  const mend = "correct PUBLIC_URL, or where the proxy there sends its requests";
  return failed(seen, "Clients call the API there, and links lead there.", mend);
});
