import type { Audience } from "../../../application/ports/presigner.ts";
import { failed, type Finding } from "./finding.ts";
import { type NoAnswer, TIMEOUT } from "./target.ts";

/** What each endpoint is for. */
export const NEEDED_BY = {
  internal: "This service and its peers reach the store there.",
  public: "Uploads and downloads go there.",
} as const;

/** An endpoint that gave no answer, and what that means. */
export function dead(
  place: {
    readonly name: string;
    readonly origin: string;
    readonly setting: string;
    readonly audience: Audience;
    readonly bucket: string | undefined;
  },
  failure: NoAnswer,
): Finding {
  const { name, origin, setting, audience, bucket } = place;
  const [problem, mend] = problemOf(failure, setting);
  const isBucketsName =
    failure.code === "ENOTFOUND" && new URL(origin).host.startsWith(`${bucket}.`);
  return failed(
    name,
    `${origin} ${problem}`,
    NEEDED_BY[audience],
    isBucketsName
      ? `set STORAGE_PATH_STYLE=on, unless the store has a name for each bucket; else ${mend}`
      : mend,
  );
}

/** What is wrong at an address without an answer, and how to mend it with its setting. */
export function problemOf(
  { code = "", reason }: NoAnswer,
  setting: string,
  timeout: string = TIMEOUT,
): readonly [problem: string, mend: string] {
  const [problem, mend] = PROBLEMS.get(code) ?? [
    `failed: ${reason}`,
    "look at what stands at SETTING, and at its log",
  ];
  return [problem.replace("TIMEOUT", timeout), mend.replaceAll("SETTING", setting)];
}

const TRUST =
  "get a certificate that browsers trust; for an authority of your own set NODE_EXTRA_CA_CERTS=/path/to/ca.pem, and let browsers trust it too";

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
    ["does not answer within TIMEOUT", "open the way through the firewall, or correct SETTING"],
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
  ["CERT_HAS_EXPIRED", ["has a certificate that has expired", "renew the certificate there"]],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", ["has a certificate that it signed itself", TRUST]],
  [
    "SELF_SIGNED_CERT_IN_CHAIN",
    ["has a certificate of an authority that this machine does not know", TRUST],
  ],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    [
      "has a certificate whose chain is not complete",
      `let the server send the whole chain; or ${TRUST}`,
    ],
  ],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    ["has a certificate for another name", "correct SETTING, or get a certificate for that name"],
  ],
]);
