import * as Effect from "effect/Effect";
import { createHmac } from "node:crypto";
import type { QuerySigning } from "../signing/sign-query.ts";
import type { Signer } from "../signing/signer.ts";
import { encodeComponent, type Pair } from "../signing/v4.ts";

/** A signing key: that of an account, or one that Azure issued to an identity. */
export interface SasKey {
  readonly account: string;
  readonly secret: Uint8Array;
  /** "Get User Delegation Key", Azure Storage documentation: its answer, by the names in a URL. */
  readonly delegation?: Readonly<Record<"skoid" | "sktid" | "skt" | "ske" | "sks" | "skv", string>>;
  /** In milliseconds since 1970. */
  readonly expiresAt?: number | undefined;
}

/** The first version that binds headers and parameters, and one that emulators know. */
export const DELEGATED = "2026-04-06";
const BY_ACCOUNT = "2023-11-03";

const OVERRIDES = ["rscc", "rscd", "rsce", "rscl", "rsct"];

/** A signer for clients, with its key. */
export interface ClientSigner extends Signer {
  readonly key: SasKey;
}

/**
 * Signs one right of a client on one blob: to create it, write one block of it, or read it. A
 * delegation key also binds headers and parameters, which an account's key does not. "Create a
 * service SAS" and "Create a user delegation SAS", Azure Storage documentation.
 */
export const clientSigner = (key: SasKey): ClientSigner => ({
  key,
  expiresAt: key.expiresAt,
  sign: (signing) => Effect.succeed(signBlob(key, signing)),
});

function signBlob(key: SasKey, signing: QuerySigning): string {
  const { method, path, query, now, expiresIn } = signing;
  const overrides = query.filter(([name]) => OVERRIDES.includes(name));
  const further = query.filter(([name]) => !OVERRIDES.includes(name));
  const isBlock = further.some(([, value]) => value === "block");
  // `c` never overwrites, without a header that a client could leave out.
  const sp = method === "GET" ? "r" : isBlock ? "w" : "c";
  const signed = signedValues(key, {
    path,
    sp,
    se: instant(now, expiresIn),
    spr: protocolFor(signing),
    headers: sp === "c" ? signing.headers : [],
    parameters: isBlock ? further : [],
    overrides,
  });
  return urlFor(signing, [...signed, ...further]);
}

/**
 * Signs the rights to create blobs below a directory, which is no part of their names that a client
 * chooses, and to list them: "Create a user delegation SAS", as above. `c` overwrites nothing, also
 * with blocks ("Version 2026-04-06"). Returns a query.
 */
export function signDirectory(
  key: SasKey,
  { path, ...signing }: Pick<QuerySigning, "origin" | "path" | "now" | "expiresIn">,
): string {
  const directory = path.replace(/\/$/, "");
  const signed = signedValues(key, {
    path: directory,
    // The segments of the path after that of the container.
    sdd: String(directory.split("/").length - 2),
    sp: "cl",
    se: instant(signing.now, signing.expiresIn),
    spr: protocolFor(signing),
  });
  return queryFrom(signed);
}

/** Returns the parameters of a signature, some of which may be empty. */
function signedValues(
  { account, secret, delegation }: SasKey,
  {
    path,
    sdd = "",
    sp,
    se,
    spr,
    headers = [],
    parameters = [],
    overrides = [],
  }: Readonly<Record<"path" | "sp" | "se" | "spr", string>> & {
    /** The depth of a directory. */
    readonly sdd?: string;
    readonly headers?: ReadonlyArray<Pair>;
    readonly parameters?: ReadonlyArray<Pair>;
    readonly overrides?: ReadonlyArray<Pair>;
  },
): ReadonlyArray<Pair> {
  const sv = delegation === undefined ? BY_ACCOUNT : DELEGATED;
  const sr = sdd === "" ? "b" : "d";
  // No character of a key is encoded.
  const blob = `/blob/${account}${path}`;
  const between =
    delegation === undefined
      ? [""]
      : // Of agents and users for whom a signature may be made there are none.
        [...NAMES.map((name) => delegation[name]), "", "", "", "", ""];
  const bound =
    delegation === undefined
      ? []
      : [
          headers.map(([name, value]) => `${name}:${value}\n`).join(""),
          parameters.map(([name, value]) => `\n${name}:${value}`).join(""),
        ];
  const values = new Map(overrides);
  const answer = OVERRIDES.map((name) => values.get(name) ?? "");
  const text = [sp, "", se, blob, ...between, "", spr, sv, sr, "", "", ...bound, ...answer];
  return [
    ...Object.entries({ sv, spr, se, sr, sdd, sp, ...delegation }),
    ...(delegation === undefined ? [] : [listed("srh", headers), listed("srq", parameters)]),
    ...overrides,
    ["sig", hmac(secret, text)],
  ];
}

const NAMES = ["skoid", "sktid", "skt", "ske", "sks", "skv"] as const;

const listed = (name: string, pairs: ReadonlyArray<Pair>): Pair => [
  name,
  pairs.map(([each]) => each).join(","),
];

/** Signs calls of the service itself: "Create an account SAS", Azure Storage documentation. */
export const accountSigner = ({ account, secret, expiresAt }: SasKey): Signer => ({
  expiresAt,
  sign: (signing) => {
    const se = instant(signing.now, signing.expiresIn);
    const [sv, ss, srt, sp, spr] = [BY_ACCOUNT, "b", "sco", "rwdxlact", protocolFor(signing)];
    const sig = hmac(secret, [account, sp, ss, srt, "", se, "", spr, sv, "", ""]);
    const signed = Object.entries({ sv, ss, srt, sp, se, spr, sig });
    return Effect.succeed(urlFor(signing, [...signing.query, ...signed]));
  },
});

/** Authenticates calls of the service itself by a token. */
export const bearer = ({ value, expiresAt }: AccessToken): Signer => ({
  expiresAt,
  headers: { authorization: `Bearer ${value}`, "x-ms-version": DELEGATED },
  sign: (signing) => Effect.succeed(urlFor(signing, signing.query)),
});

export interface AccessToken {
  readonly value: string;
  readonly expiresAt: number;
}

const urlFor = (
  { origin, unsignedPrefix = "", path }: QuerySigning,
  query: ReadonlyArray<Pair>,
): string => `${origin}${unsignedPrefix}${path}?${queryFrom(query)}`;

const queryFrom = (query: ReadonlyArray<Pair>): string =>
  query
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}=${encodeComponent(value)}`)
    .join("&");

const protocolFor = ({ origin }: Pick<QuerySigning, "origin">) =>
  origin.startsWith("https:") ? "https" : "";

const hmac = (secret: Uint8Array, lines: ReadonlyArray<string>) =>
  createHmac("sha256", secret).update(lines.join("\n")).digest("base64");

const instant = (now: number, seconds: number) =>
  `${new Date(now + seconds * 1000).toISOString().slice(0, 19)}Z`;
