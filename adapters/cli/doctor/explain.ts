import type { Env } from "../../settings/source.ts";
import { faultIn, explainRefusal, refusalIn } from "../../storage/rest/refusal-reason.ts";
import { PROVIDERS } from "../../storage/providers.ts";
import { every, first, type Problem, type Problems } from "./problems.ts";
import { headersNotSigned, regionNamed } from "./refusals.ts";

export interface FailedRequest {
  readonly url: string;
  readonly method?: string | undefined;
  readonly status?: number | undefined;
  readonly body?: string | undefined;
  /** The headers of the request, by their names in lower case; undefined if they are unknown. */
  readonly sent?: ReadonlyMap<string, string> | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Hosts and access keys of the configuration, which a URL should have; empty if unknown. */
  readonly hosts?: ReadonlyArray<string>;
  readonly accessKeys?: ReadonlyArray<string>;
}

/**
 * Names the differences between a signed URL and the request that failed, the surest first. No cause
 * shows a signature, a token or a query.
 */
export function explain(failed: FailedRequest): ReadonlyArray<Problem> {
  if (!URL.canParse(failed.url)) {
    return every({
      "this is not a URL": "give the whole URL, in quotes: the shell splits it at &",
    });
  }
  const url = new URL(failed.url);
  const answer = readAnswer(failed);
  const signed = readSignature(url.searchParams);
  if (signed === undefined) {
    return [unsignedCause(url), codeCause(answer)].filter((cause) => cause !== undefined);
  }
  const facts = { ...failed, ...answer, ...signed, url };
  const causes = [
    ...urlCauses(facts),
    timeCause(facts),
    ...placeCauses(facts),
    ...headerCauses(facts),
    codeCause(facts),
  ].filter((cause) => cause !== undefined);
  if (causes.length > 0) return causes;
  return every({
    "nothing in the URL or the answer differs from what was signed": `add what is known: --status, --body with the store's XML, --method, and --header for each header that was sent. The URL binds ${signed.headers.join(", ")}`,
  });
}

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

function readAnswer({ status = 0, body: text = "", sent }: FailedRequest) {
  const { code, message = "" } = refusalIn({ status, text });
  const canonical = canonicalHeaders(text);
  return { status, text, code, message, canonical, received: canonical ?? sent };
}

/** The headers that the store signed itself, where its answer shows them (Amazon, Ceph). */
function canonicalHeaders(text: string): ReadonlyMap<string, string> | undefined {
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

/** Reads Signature Version 4, of AWS or of Google; undefined if there is none. */
function readSignature(query: URLSearchParams) {
  const parameter = (name: string) => query.get(`X-Amz-${name}`) ?? query.get(`X-Goog-${name}`);
  if (parameter("Signature") === null) return undefined;
  const [accessKey = "", , region = ""] = (parameter("Credential") ?? "").split("/");
  const names = (parameter("SignedHeaders") ?? "").split(";").filter((name) => name !== "");
  // A copy is never granted, so a URL that names its header forbids it, and others with it.
  const forbids = names.includes("x-amz-copy-source");
  const isAbsent = (name: string) => query.get(name) === "" || (forbids && FORBIDDEN.has(name));
  const at = (parameter("Date") ?? "").replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
    "$1-$2-$3T$4:$5:$6Z",
  );
  return {
    accessKey,
    region,
    at: Date.parse(at),
    seconds: Number(parameter("Expires") ?? Number.NaN),
    headers: names.filter((name) => !isAbsent(name)),
    absent: names.filter(isAbsent),
  };
}

/** Ceph's, since MinIO has them in the query. */
const FORBIDDEN: ReadonlySet<string> = new Set(PROVIDERS.ceph.absent.names);

type Answer = ReturnType<typeof readAnswer>;
type Signature = NonNullable<ReturnType<typeof readSignature>>;
type Facts = Omit<FailedRequest, "url"> & Answer & Signature & { readonly url: URL };

const unsignedCause = ({ searchParams, search }: URL) =>
  first({
    "the URL has lost its query, and so its signature": search === "" && "pass the whole URL on",
    "the URL was escaped for HTML: & became &amp;":
      search.includes("amp;X-") && "use it as it is in the JSON, unescaped",
    "the URL is signed by an older version of the signature, which Valetkey does not make":
      (searchParams.has("AWSAccessKeyId") || searchParams.has("GoogleAccessId")) &&
      "ask Valetkey for the URL, or look at what made it",
    "the URL has no signature": "pass the whole URL on, and add or remove nothing",
  });

const EMPTY_CRC32 = "AAAAAA==";

const urlCauses = ({ url: { search, searchParams }, seconds, at }: Facts) =>
  every({
    "the query was encoded a second time (%25)":
      search.includes("%25") && "use the URL as it is, without encoding it",
    [`the URL binds x-amz-checksum-crc32=${EMPTY_CRC32}, the checksum of an empty file: the default of an AWS SDK put it there, and this URL is not Valetkey's`]:
      searchParams.get("x-amz-checksum-crc32") === EMPTY_CRC32 &&
      'let Valetkey sign, or make the SDK\'s client with requestChecksumCalculation: "WHEN_REQUIRED"',
    "the URL does not say when it was signed, or for how long":
      (Number.isNaN(at) || Number.isNaN(seconds)) && "pass the whole URL on",
  });

/** In milliseconds. */
const MAX_SKEW = 60_000;

function timeCause({ at, seconds, text, code, message, now }: Facts) {
  const end = at + seconds * 1000;
  const ahead = Date.parse(/<ServerTime>([\dTZ:.-]{1,40})</.exec(text)?.[1] ?? "") - now;
  return first({
    [`the store's clock is ${duration(Math.abs(ahead))} ${ahead < 0 ? "behind" : "ahead of"} this machine's`]:
      Math.abs(ahead) > MAX_SKEW && "set both clocks by NTP: sudo timedatectl set-ntp true",
    [`the URL has expired ${duration(now - end)} ago; it was signed for ${duration(seconds * 1000)}`]:
      now > end && "ask for a new one, or lengthen put_lifetime or get_lifetime of the policy",
    [`the URL was signed by a clock that is ${duration(at - now)} ahead of this machine's`]:
      at - now > MAX_SKEW &&
      "set the clock of the machine that signs by NTP: sudo timedatectl set-ntp true",
    "the store says that the time is wrong, and by this machine's clock it is not: the clocks differ":
      (faultIn(code) === "clock" || /expired|not valid yet/i.test(message)) &&
      "compare the Date header of the store's answer with `date -u`, and set the wrong clock by NTP",
  });
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
  const style = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 } as const;
  return (seconds / length).toLocaleString("en", style);
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

function placeCauses({ url: { host }, accessKey, region, text, canonical, ...facts }: Facts) {
  const { hosts = [], accessKeys = [] } = facts;
  const seen = canonical?.get("host") ?? host;
  const actual = regionNamed(text) ?? region;
  return every({
    [`the host ${host} is not one that this configuration signs for (${hosts.join(", ")}): it was swapped after signing, or another service signed`]:
      hosts.length > 0 &&
      !hosts.includes(host) &&
      "never change a signed URL; set STORAGE_PUBLIC_ENDPOINT to the host that browsers use",
    [`the store saw the host ${seen}, and the URL is for ${host}: a proxy changes the header Host`]:
      seen !== host &&
      "let the proxy pass it on: nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On",
    [`the URL is signed for the region ${region}, and the bucket is in ${actual}`]:
      actual !== region && `STORAGE_REGION=${actual}`,
    "the URL is signed by another access key than this configuration has":
      accessKeys.length > 0 &&
      !accessKeys.includes(accessKey) &&
      "look at which service signed it; a URL ends with the key that signed it",
  });
}

/** Headers that every client sends by itself. */
const AUTOMATIC: ReadonlySet<string> = new Set(["host", "content-length"]);

function headerCauses({ headers, absent, canonical, received, text, ...facts }: Facts) {
  const { method, code, message } = facts;
  const has = (name: string) => (received?.get(name) ?? "") !== "";
  const set = headers.filter((name) => !AUTOMATIC.has(name));
  const missing = received && (canonical ? headers : set).filter((name) => !has(name));
  const added = headersNotSigned(text);
  // MinIO says the same of a header that was added and of a signed one that is missing.
  const isOneOfBoth = added === undefined && message.includes("not signed") && !missing?.length;
  const causes = [
    first({
      [`one of ${set.join(", ")} is missing, which the URL binds; or the request has an x-amz-* header, which was not signed`]:
        isOneOfBoth &&
        received === undefined &&
        set.length > 0 &&
        "send all of put_headers and nothing else of x-amz-*; with --header for each header that was sent, this says which",
      [`the request has ${added ?? "an x-amz-* header"}, which was not signed`]:
        (isOneOfBoth || added !== undefined) &&
        "send put_headers and nothing else of x-amz-*; look at what a proxy adds",
    }),
    ...absent.filter(has).map((name) => ({
      what: `the request has ${name}, which the URL forbids`,
      mend: "send put_headers and nothing else; look at what a proxy adds",
    })),
    ...(missing ?? []).map((name) => ({
      what: `the header ${name} is missing, and the URL binds it`,
      mend: "send all of put_headers, exactly as they were returned",
    })),
  ];
  if (code !== "SignatureDoesNotMatch" || causes.some((cause) => cause)) return causes;
  const bound = headers.filter((name) => name !== "host");
  const values = bound.map((name) => {
    const value = received?.get(name);
    return value === undefined ? name : `${name} (it came as ${value})`;
  });
  const isForGet = method !== undefined && method !== "GET" && !headers.includes("content-type");
  const what = isForGet
    ? `${method} was sent, and this URL looks like one for GET`
    : `a signed value was changed: ${values.join(", ") || "method, path or query"}`;
  const mend = bound.includes("content-type")
    ? "send Content-Type exactly as in put_headers (a browser adds ;charset=UTF-8 to strings: send a Blob or File), and a body of the size that was asked for"
    : "use the URL as it is, with the method it was made for; if every URL fails, the secret key is wrong";
  return [{ what, mend }];
}

function codeCause({ code, status, message, text }: Answer) {
  const fault = faultIn(code);
  const [reason = "", ...mend] = explainRefusal({ bucket: "in the URL" }, { code }).split("; ");
  // The URL, its headers and the region in the answer show these better.
  const isShown = fault === "secret key" || fault === "clock" || regionNamed(text) !== undefined;
  return first({
    ...CLIENT_FAULTS.get(code ?? ""),
    "the store verified the signature, and the key may not do this":
      fault === "permission" &&
      !/expired|not valid yet|not signed/i.test(message) &&
      "give the key what `valetkey policy` prints; a GET of a missing object is refused too, to a key that may not list",
    [reason]: fault !== undefined && fault !== "permission" && !isShown && mend.join("; "),
    [`the answer ${status} has no code of a store, so something in front of it answered`]:
      code === undefined &&
      status >= 400 &&
      "look at the log of the proxy or firewall between client and store",
  });
}

const OTHER_BYTES = {
  "the bytes are not those of the checksum that was granted": "send the file that was measured",
};

export const CLIENT_FAULTS: ReadonlyMap<string, Problems> = new Map(
  Object.entries({
    NoSuchKey: { "nothing was uploaded under this key": "upload first, then open" },
    PreconditionFailed: {
      "the file was written already, and the URL writes once": "ask for a new URL",
    },
    BadDigest: OTHER_BYTES,
    XAmzContentChecksumMismatch: OTHER_BYTES,
    MissingContentLength: {
      "the request did not say its length": "send a Blob, a File or a Buffer, and not a stream",
    },
    EntityTooLarge: {
      "the file is larger than the store takes in one PUT": "upload it in parts",
    },
  }),
);
