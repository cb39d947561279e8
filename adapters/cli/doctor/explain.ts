import type { Env } from "../../settings/source.ts";
import { faultIn, reasonOfRefusal, refusalIn } from "../../storage/rest/refusal-reason.ts";
import { PROVIDERS } from "../../storage/providers.ts";
import { headersNotSigned, regionNamed } from "./refusals.ts";

/** A request with a signed URL that failed, as far as it is known. */
export interface FailedRequest {
  readonly url: string;
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  /** The body of the answer. */
  readonly body?: string | undefined;
  /** The headers of the request, by their names in lower case; undefined if they are unknown. */
  readonly sent?: ReadonlyMap<string, string> | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Hosts and access keys of the configuration, which a URL should have; empty if unknown. */
  readonly hosts?: ReadonlyArray<string>;
  readonly accessKeys?: ReadonlyArray<string>;
}

/** A difference to what was signed, and what mends it. */
export interface Cause {
  readonly what: string;
  readonly mend: string;
}

type Causes = ReadonlyArray<Cause>;

/**
 * Names the differences between a signed URL and the request that failed, the surest first. No cause
 * shows a signature, a token or a query.
 */
export function explain(failed: FailedRequest): Causes {
  const { status, body = "" } = failed;
  if (!URL.canParse(failed.url)) {
    return cause("this is not a URL", "give the whole URL, in quotes: the shell splits it at &");
  }
  const url = new URL(failed.url);
  const answer = { ...refusalIn({ status: status ?? 0, text: body }), text: body };
  const signed = readSignature(url);
  if (signed === undefined) return [...unsignedCause(url), ...codeCause(answer)];
  const causes = [
    ...urlCauses(url, signed),
    ...timeCause(signed, answer, failed.now),
    ...placeCauses(url, signed, answer, failed),
    ...headerCauses(signed, answer, failed),
    ...codeCause(answer),
  ];
  return causes.length > 0
    ? causes
    : cause(
        "nothing in the URL or the answer differs from what was signed",
        `add what is known: --status, --body with the store's XML, --method, and --header for each header that was sent. The URL binds ${signed.headers.join(", ")}`,
      );
}

/** The hosts and access keys of the environment, as far as its variables name them. */
export function readSigners(env: Env): Required<Pick<FailedRequest, "hosts" | "accessKeys">> {
  const bucket = env["STORAGE_BUCKET"] ?? "files";
  const hosts = ["STORAGE_PUBLIC_ENDPOINT", "STORAGE_ENDPOINT"].flatMap((name) => {
    const endpoint = env[name];
    if (!endpoint || !URL.canParse(endpoint)) return [];
    const { host } = new URL(endpoint);
    return [host, `${bucket}.${host}`];
  });
  const keys = ["", "PUT_", "GET_"].flatMap((use) => env[`STORAGE_${use}ACCESS_KEY`] ?? []);
  // A role or the usual chain signs with other keys than these.
  const isKnown = env["STORAGE_ACCESS_KEY"] && !env["STORAGE_PUT_ROLE"] && !env["STORAGE_GET_ROLE"];
  return { hosts, accessKeys: isKnown ? keys : [] };
}

const cause = (what: string, mend: string): Causes => [{ what, mend }];
const causeIf = (applies: boolean, what: string, mend: string): Causes =>
  applies ? [{ what, mend }] : [];

/** A store's answer; its text may show how it computed the signature. */
type Answer = ReturnType<typeof refusalIn> & { readonly text: string };

/** The parameters of a signed URL. */
type Signature = NonNullable<ReturnType<typeof readSignature>>;

/** Reads Signature Version 4, of AWS or of Google; undefined if there is none. */
function readSignature({ searchParams }: URL) {
  const parameter = (name: string) =>
    searchParams.get(`X-Amz-${name}`) ?? searchParams.get(`X-Goog-${name}`);
  if (parameter("Signature") === null) return undefined;
  const [accessKey = "", , region = ""] = (parameter("Credential") ?? "").split("/");
  const names = (parameter("SignedHeaders") ?? "").split(";").filter((name) => name !== "");
  // A copy is never granted, so a URL that names its header forbids it, and others with it.
  const forbids = names.includes("x-amz-copy-source");
  const isAbsent = (name: string) =>
    searchParams.get(name) === "" || (forbids && FORBIDDEN.has(name));
  return {
    accessKey,
    region,
    at: Date.parse(
      (parameter("Date") ?? "").replace(
        /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
        "$1-$2-$3T$4:$5:$6Z",
      ),
    ),
    seconds: Number(parameter("Expires") ?? Number.NaN),
    headers: names.filter((name) => !isAbsent(name)),
    /** The headers that a request with this URL may not have. */
    absent: names.filter(isAbsent),
  };
}

/** Ceph's, since MinIO has them in the query. */
const FORBIDDEN: ReadonlySet<string> = new Set(PROVIDERS.ceph.absent.names);

function unsignedCause({ searchParams, search }: URL): Causes {
  if (search === "") {
    return cause("the URL has lost its query, and so its signature", "pass the whole URL on");
  }
  if (search.includes("amp;X-")) {
    return cause(
      "the URL was escaped for HTML: & became &amp;",
      "use it as it is in the JSON, unescaped",
    );
  }
  return searchParams.has("AWSAccessKeyId") || searchParams.has("GoogleAccessId")
    ? cause(
        "the URL is signed by an older version of the signature, which Valetkey does not make",
        "ask Valetkey for the URL, or look at what made it",
      )
    : cause("the URL has no signature", "pass the whole URL on, and add or remove nothing");
}

const EMPTY_CRC32 = "AAAAAA==";

const urlCauses = ({ search, searchParams }: URL, { seconds, at }: Signature): Causes => [
  ...causeIf(
    search.includes("%25"),
    "the query was encoded a second time (%25)",
    "use the URL as it is, without encoding it",
  ),
  ...causeIf(
    searchParams.get("x-amz-checksum-crc32") === EMPTY_CRC32,
    `the URL binds x-amz-checksum-crc32=${EMPTY_CRC32}, the checksum of an empty file: the default of an AWS SDK put it there, and this URL is not Valetkey's`,
    'let Valetkey sign, or make the SDK\'s client with requestChecksumCalculation: "WHEN_REQUIRED"',
  ),
  ...causeIf(
    Number.isNaN(at) || Number.isNaN(seconds),
    "the URL does not say when it was signed, or for how long",
    "pass the whole URL on",
  ),
];

/** The difference of two clocks that is tolerated, in milliseconds. */
const TOLERATED = 60_000;

function timeCause(
  { at, seconds }: Signature,
  { text, code, message }: Answer,
  now: number,
): Causes {
  const end = at + seconds * 1000;
  const storeTime = Date.parse(/<ServerTime>([\dTZ:.-]{1,40})</.exec(text)?.[1] ?? "");
  if (Math.abs(now - storeTime) > TOLERATED) {
    const direction = now > storeTime ? "behind" : "ahead of";
    return cause(
      `the store's clock is ${duration(Math.abs(now - storeTime))} ${direction} this machine's`,
      "set both clocks by NTP: sudo timedatectl set-ntp true",
    );
  }
  if (now > end) {
    return cause(
      `the URL has expired ${duration(now - end)} ago; it was signed for ${duration(seconds * 1000)}`,
      "ask for a new one, or lengthen put_lifetime or get_lifetime of the policy",
    );
  }
  if (at - now > TOLERATED) {
    return cause(
      `the URL was signed by a clock that is ${duration(at - now)} ahead of this machine's`,
      "set the clock of the machine that signs by NTP: sudo timedatectl set-ntp true",
    );
  }
  return causeIf(
    faultIn(code) === "clock" || /expired|not valid yet/i.test(message ?? ""),
    "the store says that the time is wrong, and by this machine's clock it is not: the clocks differ",
    "compare the Date header of the store's answer with `date -u`, and set the wrong clock by NTP",
  );
}

/** A length of time, in its largest unit. */
function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
  const count = Math.round(seconds / length);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** Compares host, region and key with those that were meant. */
function placeCauses(
  { host }: URL,
  { accessKey, region }: Signature,
  answer: Answer,
  { hosts = [], accessKeys = [] }: FailedRequest,
): Causes {
  const seen = canonicalHeaders(answer)?.get("host") ?? host;
  const actual = regionNamed(answer.text) ?? region;
  return [
    ...causeIf(
      hosts.length > 0 && !hosts.includes(host),
      `the host ${host} is not one that this configuration signs for (${hosts.join(", ")}): it was swapped after signing, or another service signed`,
      "never change a signed URL; set STORAGE_PUBLIC_ENDPOINT to the host that browsers use",
    ),
    ...causeIf(
      seen !== host,
      `the store saw the host ${seen}, and the URL is for ${host}: a proxy changes the header Host`,
      "let the proxy pass it on: nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On",
    ),
    ...causeIf(
      actual !== region,
      `the URL is signed for the region ${region}, and the bucket is in ${actual}`,
      `STORAGE_REGION=${actual}`,
    ),
    ...causeIf(
      accessKeys.length > 0 && !accessKeys.includes(accessKey),
      "the URL is signed by another access key than this configuration has",
      "look at which service signed it; a URL ends with the key that signed it",
    ),
  ];
}

/** The headers that the store signed itself, where its answer shows them (Amazon, Ceph). */
function canonicalHeaders({ text }: Answer): ReadonlyMap<string, string> | undefined {
  const [, canonical] = /<CanonicalRequest>(.*?)(?:<\/CanonicalRequest>|$)/s.exec(text) ?? [];
  if (canonical === undefined) return undefined;
  const [, , , ...lines] = canonical.split("\n");
  const end = lines.indexOf("");
  return new Map(
    lines.slice(0, end === -1 ? undefined : end).map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1, colon + 101)];
    }),
  );
}

/** Headers that every client sends by itself. */
const AUTOMATIC: ReadonlySet<string> = new Set(["host", "content-length"]);

/** Finds headers that were added, left out or changed. */
function headerCauses(
  { headers, absent }: Signature,
  answer: Answer,
  { sent, method }: FailedRequest,
): Causes {
  const canonical = canonicalHeaders(answer);
  const received = canonical ?? sent;
  const has = (name: string) => (received?.get(name) ?? "") !== "";
  const missing = headers.filter(
    (name) =>
      received !== undefined && !has(name) && (canonical !== undefined || !AUTOMATIC.has(name)),
  );
  const causes = [
    ...addedCause(answer, {
      isMissing: missing.length > 0,
      bound: received === undefined ? headers.filter((name) => !AUTOMATIC.has(name)) : [],
    }),
    ...absent
      .filter(has)
      .flatMap((name) =>
        cause(`the request has ${name}, which the URL forbids`, SEND_NOTHING_ELSE),
      ),
    ...missing.flatMap((name) =>
      cause(
        `the header ${name} is missing, and the URL binds it`,
        "send all of put_headers, exactly as they were returned",
      ),
    ),
  ];
  if (answer.code !== "SignatureDoesNotMatch" || causes.length > 0) return causes;
  const bound = headers.filter((name) => name !== "host");
  const values = bound.map((name) => {
    const value = received?.get(name);
    return value === undefined ? name : `${name} (it came as ${value})`;
  });
  const isForGet = method !== undefined && method !== "GET" && !headers.includes("content-type");
  return cause(
    isForGet
      ? `${method} was sent, and this URL looks like one for GET`
      : `a signed value was changed: ${values.join(", ") || "method, path or query"}`,
    bound.includes("content-type")
      ? "send Content-Type exactly as in put_headers (a browser adds ;charset=UTF-8 to strings: send a Blob or File), and a body of the size that was asked for"
      : "use the URL as it is, with the method it was made for; if every URL fails, the secret key is wrong",
  );
}

const SEND_NOTHING_ELSE = "send put_headers and nothing else; look at what a proxy adds";

/** MinIO says the same of a header that was added and of a signed one that is missing. */
function addedCause(
  { text, message = "" }: Answer,
  { isMissing, bound }: { readonly isMissing: boolean; readonly bound: ReadonlyArray<string> },
): Causes {
  const named = headersNotSigned(text);
  if (named === undefined && (isMissing || !message.includes("not signed"))) return [];
  return named === undefined && bound.length > 0
    ? cause(
        `one of ${bound.join(", ")} is missing, which the URL binds; or the request has an x-amz-* header, which was not signed`,
        "send all of put_headers and nothing else of x-amz-*; with --header for each header that was sent, this says which",
      )
    : cause(
        `the request has ${named ?? "an x-amz-* header"}, which was not signed`,
        "send put_headers and nothing else of x-amz-*; look at what a proxy adds",
      );
}

/** The meaning of an answer's code by itself. */
function codeCause({ code, status, message = "", text }: Answer): Causes {
  const known = BY_CODE.get(code ?? "");
  if (known !== undefined) return cause(...known);
  const fault = faultIn(code);
  // The URL, its headers and the region in the answer show these better.
  const isShown = fault === "secret key" || fault === "clock" || regionNamed(text) !== undefined;
  if (fault !== undefined && fault !== "permission" && !isShown) {
    const reason = reasonOfRefusal({ bucket: "in the URL" }, { code });
    const [what = reason, ...mend] = reason.split("; ");
    return cause(what, mend.join("; "));
  }
  if (fault === "permission") {
    return causeIf(
      !/expired|not valid yet|not signed/i.test(message),
      "the store verified the signature, and the key may not do this",
      "give the key what `valetkey policy` prints; a GET of a missing object is refused too, to a key that may not list",
    );
  }
  return causeIf(
    code === undefined && status !== undefined && status >= 400,
    `the answer ${status} has no code of a store, so something in front of it answered`,
    "look at the log of the proxy or firewall between client and store",
  );
}

const OTHER_BYTES = [
  "the bytes are not those of the checksum that was granted",
  "send the file that was measured",
] as const;

const BY_CODE = new Map<string, readonly [what: string, mend: string]>([
  ["NoSuchKey", ["nothing was uploaded under this key", "upload first, then open"]],
  [
    "PreconditionFailed",
    ["the file was written already, and the URL writes once", "ask for a new URL"],
  ],
  ["BadDigest", OTHER_BYTES],
  ["XAmzContentChecksumMismatch", OTHER_BYTES],
  [
    "MissingContentLength",
    ["the request did not say its length", "send a Blob, a File or a Buffer, and not a stream"],
  ],
  ["EntityTooLarge", ["the file is larger than the store takes in one PUT", "upload it in parts"]],
]);

/** The codes by which stores refuse what a client sends. */
export const CODES_OF_CLIENTS: Iterable<string> = BY_CODE.keys();
