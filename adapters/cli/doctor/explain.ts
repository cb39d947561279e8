import { refusalIn } from "../../storage/rest/refusal-reason.ts";

/** A request with a signed URL that failed, as far as it is known. */
export interface FailedRequest {
  readonly url: string;
  /** The method that was sent. */
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  /** The body of the answer. */
  readonly body?: string | undefined;
  /** The headers that were sent, by their names in lower case; undefined if nobody told them. */
  readonly sent?: ReadonlyMap<string, string> | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Hosts and access keys of the configuration, which a URL should have; empty if unknown. */
  readonly hosts?: ReadonlyArray<string>;
  readonly accessKeys?: ReadonlyArray<string>;
}

/** One thing that differs from what was signed, and what mends it. */
export interface Cause {
  readonly what: string;
  readonly mend: string;
}

/**
 * Says what differs between a signed URL and the request that failed, the surest first. No cause
 * shows a signature, a token or a query.
 */
export function explain(failed: FailedRequest): ReadonlyArray<Cause> {
  const { status, body = "" } = failed;
  if (!URL.canParse(failed.url)) {
    return [cause("this is not a URL", "give the whole URL, in quotes: the shell splits it at &")];
  }
  const url = new URL(failed.url);
  const signed = readSigned(url);
  const answer: Answer = { ...refusalIn({ status: status ?? 0, text: body }), text: body };
  if (signed === undefined) return [unsigned(url), ...byCode(answer)];
  const causes = [
    ...ofUrl(url, signed),
    ...ofTime(signed, answer, failed.now),
    ...ofPlace(url, signed, answer, failed),
    ...ofHeaders(signed, answer, failed),
    ...byCode(answer),
  ];
  if (causes.length > 0) return causes;
  return [
    cause(
      "nothing in the URL or the answer differs from what was signed",
      `add what is known: --status, --body with the store's XML, --method, and --header for each header that was sent. The URL binds ${signed.headers.join(", ")}`,
    ),
  ];
}

const cause = (what: string, mend: string): Cause => ({ what, mend });

/** What a signed URL says of itself. */
interface Signed {
  readonly accessKey: string;
  readonly region: string;
  readonly at: number;
  readonly seconds: number;
  readonly headers: ReadonlyArray<string>;
}

interface Answer extends ReturnType<typeof refusalIn> {
  readonly text: string;
}

/** The parameters of Signature Version 4, of AWS or of Google; undefined if there are none. */
function readSigned({ searchParams }: URL): Signed | undefined {
  const of = (name: string) =>
    searchParams.get(`X-Amz-${name}`) ?? searchParams.get(`X-Goog-${name}`);
  if (of("Signature") === null) return undefined;
  const [accessKey = "", , region = ""] = (of("Credential") ?? "").split("/");
  return {
    accessKey,
    region,
    at: timeOf(of("Date") ?? ""),
    seconds: Number(of("Expires") ?? Number.NaN),
    headers: (of("SignedHeaders") ?? "").split(";").filter((name) => name !== ""),
  };
}

/** `YYYYMMDDTHHMMSSZ` in milliseconds since 1970. */
const timeOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

function unsigned({ searchParams, search }: URL): Cause {
  if (search === "") {
    return cause("the URL has lost its query, and so its signature", "pass the whole URL on");
  }
  if (search.includes("amp;X-")) {
    return cause(
      "the URL was escaped for HTML: & became &amp;",
      "use it as it stands in the JSON, unescaped",
    );
  }
  if (searchParams.has("AWSAccessKeyId") || searchParams.has("GoogleAccessId")) {
    return cause(
      "the URL is signed by an older version of the signature, which Valetkey does not make",
      "ask Valetkey for the URL, or look at what made it",
    );
  }
  return cause("the URL has no signature", "pass the whole URL on, and add or remove nothing");
}

const EMPTY_CRC32 = "AAAAAA==";

function ofUrl({ search, searchParams }: URL, { seconds, at }: Signed): ReadonlyArray<Cause> {
  const causes: Array<Cause> = [];
  if (search.includes("%25")) {
    causes.push(
      cause(
        "the query was encoded a second time (%25)",
        "use the URL as it is, without encoding it",
      ),
    );
  }
  if (searchParams.get("x-amz-checksum-crc32") === EMPTY_CRC32) {
    causes.push(
      cause(
        `the URL binds x-amz-checksum-crc32=${EMPTY_CRC32}, the checksum of an empty file: the default of an AWS SDK put it there, and this URL is not Valetkey's`,
        'let Valetkey sign, or make the SDK\'s client with requestChecksumCalculation: "WHEN_REQUIRED"',
      ),
    );
  }
  if (Number.isNaN(at) || Number.isNaN(seconds)) {
    causes.push(
      cause("the URL does not say when it was signed, or for how long", "pass the whole URL on"),
    );
  }
  return causes;
}

const TOLERATED = 60_000;

function ofTime({ at, seconds }: Signed, answer: Answer, now: number): ReadonlyArray<Cause> {
  const end = at + seconds * 1000;
  const storeTime = Date.parse(/<ServerTime>([\dTZ:.-]{1,40})</.exec(answer.text)?.[1] ?? "");
  const apart = Math.abs(now - storeTime);
  if (apart > TOLERATED) {
    const how = now > storeTime ? "behind" : "ahead of";
    return [
      cause(
        `the store's clock is ${inWords(apart)} ${how} this machine's`,
        "set both clocks by NTP: sudo timedatectl set-ntp true",
      ),
    ];
  }
  if (now > end) {
    return [
      cause(
        `the URL has expired ${inWords(now - end)} ago; it was signed for ${inWords(seconds * 1000)}`,
        "ask for a new one, or lengthen put_lifetime or get_lifetime of the policy",
      ),
    ];
  }
  if (at - now > TOLERATED) {
    return [
      cause(
        `the URL was signed by a clock that is ${inWords(at - now)} ahead of this machine's`,
        "set the clock of the machine that signs by NTP: sudo timedatectl set-ntp true",
      ),
    ];
  }
  return CLOCK_CODES.has(answer.code ?? "") || /expired|not valid yet/i.test(answer.message ?? "")
    ? [
        cause(
          "the store says that the time is wrong, and by this machine's clock it is not: the clocks differ",
          "compare the Date header of the store's answer with `date -u`, and set the wrong clock by NTP",
        ),
      ]
    : [];
}

const CLOCK_CODES: ReadonlySet<string> = new Set([
  "RequestTimeTooSkewed",
  "RequestExpired",
  "ExpiredPresignRequest",
  "RequestNotReadyYet",
]);

/** A length of time, in its largest unit. */
function inWords(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  for (const [unit, length] of [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ] as const) {
    const count = Math.round(seconds / length);
    if (seconds >= length) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return `${seconds} second${seconds === 1 ? "" : "s"}`;
}

function ofPlace(
  { host }: URL,
  { accessKey, region }: Signed,
  answer: Answer,
  { hosts = [], accessKeys = [] }: FailedRequest,
): ReadonlyArray<Cause> {
  const causes: Array<Cause> = [];
  if (hosts.length > 0 && !hosts.includes(host)) {
    causes.push(
      cause(
        `the host ${host} is not one that this configuration signs for (${hosts.join(", ")}): it was swapped after signing, or another service signed`,
        "never change a signed URL; set STORAGE_PUBLIC_ENDPOINT to the host that browsers use",
      ),
    );
  }
  const seen = canonicalOf(answer)?.get("host");
  if (seen !== undefined && seen !== host) {
    causes.push(
      cause(
        `the store saw the host ${seen}, and the URL is for ${host}: a proxy changes the header Host`,
        "let the proxy pass it on: nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On",
      ),
    );
  }
  const own =
    /<Region>([a-z0-9-]{1,64})</.exec(answer.text)?.[1] ??
    /expecting (?:&#39;|')([a-z0-9-]{1,64})/.exec(answer.text)?.[1];
  if (own !== undefined && own !== region) {
    causes.push(
      cause(
        `the URL is signed for the region ${region}, and the bucket is in ${own}`,
        `STORAGE_REGION=${own}`,
      ),
    );
  }
  if (accessKeys.length > 0 && !accessKeys.includes(accessKey)) {
    causes.push(
      cause(
        "the URL is signed by another access key than this configuration has",
        "look at which service signed it; a URL ends with the key that signed it",
      ),
    );
  }
  return causes;
}

/** The headers that the store signed itself, where its answer shows them (Amazon, Ceph). */
function canonicalOf({ text }: Answer): ReadonlyMap<string, string> | undefined {
  const [, after] = text.split("<CanonicalRequest>", 2);
  const lines = after?.split("</CanonicalRequest>", 1)[0]?.split("\n").slice(3);
  const end = lines?.indexOf("") ?? -1;
  return lines === undefined
    ? undefined
    : new Map(
        lines.slice(0, end === -1 ? undefined : end).map((line) => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1, colon + 101)];
        }),
      );
}

/** Headers that every client sends by itself. */
const BY_ITSELF: ReadonlySet<string> = new Set(["host", "content-length"]);

function ofHeaders(
  { headers }: Signed,
  answer: Answer,
  { sent, method }: FailedRequest,
): ReadonlyArray<Cause> {
  const causes: Array<Cause> = [];
  const notSigned = /<HeadersNotSigned>([\w-,; ]{1,200})</.exec(answer.text)?.[1];
  if (notSigned !== undefined || (answer.message ?? "").includes("not signed")) {
    causes.push(
      cause(
        `the request has ${notSigned ?? "an x-amz-* header"}, which was not signed`,
        "send put_headers and nothing else of x-amz-*; look at what a proxy adds",
      ),
    );
  }
  const canonical = canonicalOf(answer);
  const received = canonical ?? sent;
  if (received !== undefined) {
    for (const name of headers) {
      if ((received.get(name) ?? "") === "" && !(BY_ITSELF.has(name) && canonical === undefined)) {
        causes.push(
          cause(
            `the header ${name} is missing, and the URL binds it`,
            "send all of put_headers, exactly as they were returned",
          ),
        );
      }
    }
  }
  if (answer.code === "SignatureDoesNotMatch" && causes.length === 0) {
    const shown = (name: string) => {
      const value = received?.get(name);
      return value === undefined ? "" : ` (it came as ${value})`;
    };
    const bound = headers.filter((name) => name !== "host");
    causes.push(
      cause(
        method !== undefined && !headers.includes("content-type") && method !== "GET"
          ? `${method} was sent, and this URL looks like one for GET`
          : `something that the URL binds was sent otherwise: ${bound.map((name) => `${name}${shown(name)}`).join(", ") || "method, path or query"}`,
        bound.includes("content-type")
          ? "send Content-Type exactly as in put_headers (a browser adds ;charset=UTF-8 to strings: send a Blob or File), and a body of the size that was asked for"
          : "use the URL as it is, with the method it was made for; if every URL fails, the secret key is wrong",
      ),
    );
  }
  return causes;
}

/** What the code of an answer means by itself. */
function byCode({ code, status, message = "" }: Answer): ReadonlyArray<Cause> {
  const known = BY_CODE.get(code ?? "");
  if (known !== undefined) return [cause(...known)];
  if (code === "AccessDenied" && !/expired|not valid yet|not signed/i.test(message)) {
    return [
      cause(
        "the store verified the signature, and the key may not do this",
        "give the key what `valetkey policy` prints; a GET of a missing object is refused too, to a key that may not list",
      ),
    ];
  }
  if (code === undefined && status !== undefined && status >= 400) {
    return [
      cause(
        `the answer ${status} has no code of a store, so something in front of it answered`,
        "look at the log of the proxy or firewall between client and store",
      ),
    ];
  }
  return [];
}

const BY_CODE: ReadonlyMap<string, readonly [what: string, mend: string]> = new Map([
  [
    "InvalidAccessKeyId",
    [
      "the store does not know the access key in the URL",
      "set a key that exists there; check STORAGE_ENDPOINT and STORAGE_PROVIDER",
    ],
  ],
  [
    "ExpiredToken",
    [
      "the temporary credentials that signed have ended",
      "ask for a new URL; check STORAGE_SESSION_TOKEN, or the role",
    ],
  ],
  [
    "InvalidToken",
    ["the session token in the URL is not valid", "check STORAGE_SESSION_TOKEN, or the role"],
  ],
  ["NoSuchBucket", ["there is no such bucket at this endpoint", "check STORAGE_BUCKET"]],
  ["NoSuchKey", ["nothing was uploaded under this key", "upload first, then open"]],
  [
    "PreconditionFailed",
    ["the file was written already, and the URL writes once", "ask for a new URL"],
  ],
  [
    "BadDigest",
    ["the bytes are not those of the checksum that was granted", "send the file that was measured"],
  ],
  [
    "XAmzContentChecksumMismatch",
    ["the bytes are not those of the checksum that was granted", "send the file that was measured"],
  ],
  [
    "MissingContentLength",
    ["the request did not say its length", "send a Blob, a File or a Buffer, and not a stream"],
  ],
  ["EntityTooLarge", ["the file is larger than the store takes in one PUT", "upload it in parts"]],
]);
