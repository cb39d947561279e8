import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { Answer } from "../../storage/contract/send.ts";
import { clockFault, reasonOfRefusal, refusalIn } from "../../storage/rest/refusal-reason.ts";
import { failed, type Finding, type Findings, passed } from "./finding.ts";
import { BYTES, check, type NoAnswer, type Target, TIMEOUT, told } from "./target.ts";

/** What the endpoints showed. */
export interface Reached {
  readonly findings: Findings;
  /** The endpoints that answer, that of browsers first; empty if the store is dead. */
  readonly alive: ReadonlyArray<Audience>;
  /** By how many milliseconds this machine's clock is ahead of the store's, if that matters. */
  readonly ahead: number;
}

/** The setting of each endpoint. */
const SETTING = { internal: "STORAGE_ENDPOINT", public: "STORAGE_PUBLIC_ENDPOINT" } as const;

const NEEDED_BY = {
  internal: "This service and its peers reach the store there.",
  public: "Uploads are sent there.",
} as const;

/** Asks each endpoint with a signed URL of ours: whether it answers, and what its clock says. */
export const endpoints = (target: Target): Effect.Effect<Reached> =>
  Effect.gen(function* () {
    const key = yield* target.newKey;
    const asked = yield* Effect.forEach(
      ["internal", "public"] as const,
      (audience) =>
        Effect.gen(function* () {
          const signed = yield* target.signGet(key, { audience });
          const answer = yield* Effect.result(target.send("GET", signed.url));
          const now = yield* Clock.currentTimeMillis;
          return { audience, origin: new URL(signed.url).origin, answer, now };
        }),
      { concurrency: 2 },
    );
    const [internal, external] = asked;
    const places = internal?.origin === external?.origin ? asked.slice(1) : asked;
    const findings: Array<Finding> = [];
    const alive: Array<Audience> = [];
    let ahead = 0;
    const clocks: Array<Finding> = [];
    for (const { audience, origin, answer, now } of places) {
      const name = places.length === 1 ? "endpoint" : `${audience} endpoint`;
      const setting = places.length === 1 ? SETTING.internal : SETTING[audience];
      if (answer._tag === "Failure") {
        findings.push(dead(name, origin, setting, audience, answer.failure));
        continue;
      }
      const { headers } = answer.success;
      if (!isOfStore(answer.success)) {
        findings.push(
          failed(
            name,
            `${origin} answered ${answer.success.status} without a word of a store's`,
            NEEDED_BY[audience],
            `set ${setting} to the address of the store's API, and not of its console or of another server`,
          ),
        );
        continue;
      }
      alive.push(audience);
      findings.push(
        passed(
          name,
          `${origin} answers${origin.startsWith("https:") ? ", with a valid certificate" : ""}`,
        ),
      );
      const fault = clockFault(headers.date, now);
      if (fault === undefined && headers.date !== undefined) continue;
      if (fault !== undefined) ahead = now - Date.parse(headers.date ?? "");
      clocks.push(
        fault === undefined
          ? { check: "clock", verdict: "could not tell", seen: `${origin} does not tell its time` }
          : failed(
              "clock",
              fault.replace(/;.*/, ""),
              "A store refuses a URL whose time is not its own, so every upload is a 403. The checks below go on with the store's time.",
              "sudo timedatectl set-ntp true, on the machine whose clock is wrong",
            ),
      );
    }
    if (alive.length > 0 && clocks.length === 0) {
      clocks.push(passed("clock", "this machine and the store differ by less than a minute"));
    }
    return { findings: [...findings, ...clocks.slice(0, 1)], alive: alive.toReversed(), ahead };
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed({
        findings: [
          failed(
            "endpoint",
            `the store was not asked: ${reason}`,
            "Nothing can be signed without credentials.",
            "see the check of the credentials above",
          ),
        ],
        alive: [],
        ahead: 0,
      }),
    ),
  );

/** Whether an answer is one of a store: XML about an object or a bucket. */
const isOfStore = ({ status, body }: Answer): boolean =>
  (status >= 300 && /<Code>\w+<\/Code>/.test(body.toString())) || status === 412;

function dead(
  name: string,
  origin: string,
  setting: string,
  audience: Audience,
  { code = "", reason }: NoAnswer,
): Finding {
  const [problem, mend] = PROBLEMS.get(code) ?? [`failed: ${reason}`, `check ${setting}`];
  return failed(
    name,
    `${origin} ${problem}`,
    NEEDED_BY[audience],
    mend.replaceAll("SETTING", setting),
  );
}

const TRUST =
  "renew the certificate, or name the authority that signed it in NODE_EXTRA_CA_CERTS=/path/to/ca.pem; browsers have to trust it too";

/** What an error of the network means. */
const PROBLEMS: ReadonlyMap<string, readonly [problem: string, mend: string]> = new Map([
  [
    "ENOTFOUND",
    ["does not resolve: there is no such name", "correct SETTING, or add the name to DNS"],
  ],
  [
    "EAI_AGAIN",
    [
      "does not resolve: the name server does not answer",
      "correct SETTING, or the name server of this machine",
    ],
  ],
  [
    "ECONNREFUSED",
    [
      "refuses the connection: nothing listens there",
      "start what should listen there, or correct SETTING",
    ],
  ],
  [
    "ETIMEDOUT",
    [`does not answer within ${TIMEOUT}`, "open the way through the firewall, or correct SETTING"],
  ],
  ["EHOSTUNREACH", ["cannot be reached", "correct SETTING, or the route to it"]],
  [
    "ECONNRESET",
    [
      "closes the connection without an answer",
      "check whether SETTING has to be https, and what stands in front of the store",
    ],
  ],
  ["EPROTO", ["does not speak TLS", "use http in SETTING, or let the store speak TLS"]],
  [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    ["does not speak TLS", "use http in SETTING, or let the store speak TLS"],
  ],
  ["CERT_HAS_EXPIRED", ["has a certificate that has expired", TRUST]],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", ["has a certificate that nobody signed", TRUST]],
  [
    "SELF_SIGNED_CERT_IN_CHAIN",
    ["has a certificate of an authority that this machine does not know", TRUST],
  ],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", ["has a certificate whose chain is not complete", TRUST]],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    ["has a certificate for another name", "correct SETTING, or get a certificate for that name"],
  ],
]);

/** Whether a URL for one endpoint is refused at the other, as a signature for one host must be. */
export const hosts = (target: Target): Effect.Effect<Findings> =>
  check(
    "hosts",
    Effect.gen(function* () {
      const { s3 } = target;
      const key = yield* target.newKey;
      const signed = yield* target.signPut(key, { audience: "internal" });
      const other = yield* target.signPut(key, { audience: "public" });
      const [from, to] = [signed, other].map(({ url }) => new URL(url).origin);
      if (from === undefined || to === undefined || from === to) {
        return [passed("hosts", "browsers and services use one endpoint")];
      }
      const prefixes = s3?.addresses;
      const swapped = (url: string, a: Audience, b: Audience) =>
        url.replace(
          `${a === "internal" ? from : to}${prefixes?.[a].unsignedPrefix ?? ""}`,
          `${b === "internal" ? from : to}${prefixes?.[b].unsignedPrefix ?? ""}`,
        );
      const atPublic = yield* target.send("PUT", swapped(signed.url, "internal", "public"), {
        headers: signed.headers,
        body: BYTES,
      });
      if (atPublic.ok) {
        return [
          failed(
            "hosts",
            `a URL that was signed for ${from} is accepted at ${to}: a proxy there changes the header Host`,
            "A signature covers the host, so URLs for browsers are refused behind such a proxy (SignatureDoesNotMatch).",
            "let the proxy pass the header on: nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On",
          ),
        ];
      }
      const atInternal = yield* target.send("PUT", swapped(other.url, "public", "internal"), {
        headers: other.headers,
        body: BYTES,
      });
      return atInternal.ok
        ? [
            failed(
              "hosts",
              `a URL that was signed for ${to} is accepted at ${from}: something there changes the header Host, or does not look at it`,
              "A URL should work where it was signed for and nowhere else.",
              "let the proxy at STORAGE_ENDPOINT pass the header Host on",
            ),
          ]
        : [
            passed(
              "hosts",
              `a URL for ${to} is refused at ${from} (${told(atInternal)}), and the other way round`,
            ),
          ];
    }),
  );

/** Why a store refused a request, in words that name the settings of the key that signed. */
export function refusalOf(
  { status, body }: Pick<Answer, "status" | "body">,
  names: { readonly bucket: string; readonly from: string; readonly secret: string },
): string {
  return reasonOfRefusal({ bucket: names.bucket }, refusalIn({ status, text: body.toString() }))
    .replaceAll("STORAGE_ACCESS_KEY", names.from)
    .replaceAll("STORAGE_SECRET_KEY", names.secret);
}
