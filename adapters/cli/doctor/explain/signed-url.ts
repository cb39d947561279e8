import { PROVIDERS } from "../../../storage/providers.ts";
import { type Cause, cause } from "./cause.ts";

/** What a signed URL says of itself. */
export interface Signed {
  readonly accessKey: string;
  readonly region: string;
  readonly at: number;
  readonly seconds: number;
  readonly headers: ReadonlyArray<string>;
  /** The headers that a request with this URL may not have. */
  readonly absent: ReadonlyArray<string>;
}

/** The parameters of Signature Version 4, of AWS or of Google; undefined if there are none. */
export function readSigned({ searchParams }: URL): Signed | undefined {
  const of = (name: string) =>
    searchParams.get(`X-Amz-${name}`) ?? searchParams.get(`X-Goog-${name}`);
  if (of("Signature") === null) return undefined;
  const [accessKey = "", , region = ""] = (of("Credential") ?? "").split("/");
  const names = (of("SignedHeaders") ?? "").split(";").filter((name) => name !== "");
  // A copy is never granted, so a URL that names its header forbids it, and others with it.
  const forbids = names.includes("x-amz-copy-source");
  const isAbsent = (name: string) =>
    searchParams.get(name) === "" || (forbids && FORBIDDEN.has(name));
  return {
    accessKey,
    region,
    at: timeOf(of("Date") ?? ""),
    seconds: Number(of("Expires") ?? Number.NaN),
    headers: names.filter((name) => !isAbsent(name)),
    absent: names.filter(isAbsent),
  };
}

/** Ceph's, since MinIO has them in the query. */
const FORBIDDEN: ReadonlySet<string> = new Set(PROVIDERS.ceph.absent.names);

/** `YYYYMMDDTHHMMSSZ` in milliseconds since 1970. */
const timeOf = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));

/** Why a URL has no signature. */
export function unsigned({ searchParams, search }: URL): Cause {
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

/** What is wrong with a signed URL by itself. */
const EMPTY_CRC32 = "AAAAAA==";

export function ofUrl(
  { search, searchParams }: URL,
  { seconds, at }: Signed,
): ReadonlyArray<Cause> {
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
