import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { createPublicKey } from "node:crypto";
import { readSmallFile } from "../settings/json-file.ts";
import { HttpsUrl, List, Parsed } from "../settings/codecs.ts";
import {
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

// Only asymmetric algorithms: a shared secret that verifies can also sign, and a list with both
// kinds would accept a public key as such a secret (RFC 8725, section 2.1).
const ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA".split(" ");

const CLAIM = {
  codec: Schema.NonEmptyString,
  shape: "the name of a claim, or a JSON Pointer such as /realm_access/roles to one inside others",
};

export const settings = {
  issuer: setting({
    variable: "JWT_ISSUER",
    meaning: "What `iss` must be. Required for `AUTH=jwt`.",
    codec: Schema.NonEmptyString,
    shape: "what the issuer calls itself in the claim iss",
    example: "https://login.example.com/",
  }),
  audience: setting({
    variable: "JWT_AUDIENCE",
    meaning: "What `aud` must be, or contain. Required for `AUTH=jwt`.",
    codec: List(Schema.NonEmptyString),
    shape: ({ list }) => `what the issuer calls this service in the claim aud; several, ${list}`,
    example: "https://uploads.example.com",
  }),
  audienceClaim: withDefault("aud", {
    ...CLAIM,
    variable: "JWT_AUDIENCE_CLAIM",
    meaning: "Where a token says whom it is for, if its issuer sets no `aud`.",
    example: "client_id",
  }),
  jwksUrl: optional({
    variable: "JWT_JWKS_URL",
    meaning: "Where the issuer publishes its keys.",
    codec: HttpsUrl,
    shape: "an https URL (http on this machine alone) under which the issuer publishes its keys",
    example: "https://login.example.com/.well-known/jwks.json",
  }),
  publicKey: optional({
    variable: "JWT_PUBLIC_KEY",
    meaning: "One key in place of `JWT_JWKS_URL`.",
    codec: Schema.NonEmptyString,
    shape: "a public key in PEM, or the path of a file with one",
    example: "/etc/valetkey/issuer.pem",
  }),
  type: optional({
    variable: "JWT_TYPE",
    meaning: "What `typ` must be.",
    otherwise: "any",
    codec: Schema.NonEmptyString,
    shape: "what tokens for this service have as typ in their header",
    example: "at+jwt",
  }),
  algorithms: withDefault(["RS256", "PS256", "ES256", "EdDSA"], {
    variable: "JWT_ALGORITHMS",
    meaning: "Which signatures are accepted.",
    codec: List(Schema.Literals(ALGORITHMS)),
    shape: ({ list }) => `algorithms with public keys, ${list}: ${ALGORITHMS.join(", ")}`,
    example: "RS256,ES256",
  }),
  subject: withDefault("sub", {
    ...CLAIM,
    variable: "JWT_SUBJECT_CLAIM",
    meaning: "Where a token says who calls.",
    example: "sub",
  }),
  organizations: optional({
    ...CLAIM,
    variable: "JWT_ORGANIZATIONS_CLAIM",
    meaning: "Where it says for which organizations.",
    otherwise: "`organizations`",
    example: "/realm_access/organizations",
  }),
  scopes: optional({
    ...CLAIM,
    variable: "JWT_SCOPES_CLAIM",
    meaning: "Where it says what the caller may do.",
    otherwise: "write, read and confirm",
    example: "scope",
  }),
  scopesPrefix: withDefault("", {
    variable: "JWT_SCOPES_PREFIX",
    meaning: "What comes before the name of a scope there.",
    codec: Schema.NonEmptyString,
    shape: "what precedes write, read, confirm, list and remove in the claim of scopes",
    example: "files:",
  }),
  quota: optional({
    ...CLAIM,
    variable: "JWT_QUOTA_CLAIM",
    meaning: "Where it says how many bytes the caller may be granted in a day (UTC).",
    otherwise: "`LIMIT_BYTES_PER_SUBJECT_PER_DAY`",
    example: "upload_quota",
  }),
  stored: optional({
    ...CLAIM,
    variable: "JWT_STORED_CLAIM",
    meaning: "Where it says how many bytes may be stored by the caller's plan.",
    otherwise: "`LIMIT_STORED_BYTES_PER_SUBJECT`, or `LIMIT_STORED_BYTES` without own folders",
    example: "storage_quota",
  }),
  store: optional({
    ...CLAIM,
    variable: "JWT_STORE_CLAIM",
    meaning: "Where it says in which of `STORES` the files are.",
    otherwise: "what the directory says, or else `default`",
    example: "store",
  }),
  service: optional({
    variable: "JWT_SERVICE_CLAIM",
    meaning: "By which claim tokens of services are known.",
    otherwise: "all are people",
    codec: Parsed((text) => {
      const [, path, value] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
      return path === undefined || value === undefined ? undefined : { path, value };
    }),
    shape: "a claim and the value by which tokens of services are known, as claim=value",
    example: "gty=client-credentials",
  }),
};

export type JwtSettings = Values<typeof settings>;

/** With a directory of organizations, tokens need not name them. */
export const read = (source: Source, hasDirectory: boolean): Read<JwtSettings> => {
  let pem: string | undefined;
  const values = readSettings(settings, source, ({ jwksUrl, publicKey, algorithms = [] }) => {
    pem = publicKey && publicKeyIn(publicKey);
    return [
      (jwksUrl === undefined) === (publicKey === undefined) &&
        fault(
          settings.jwksUrl,
          ({ name }) => `must be set, or else ${name(settings.publicKey)}, and not both`,
        ),
      publicKey !== undefined &&
        pem === undefined &&
        fault(settings.publicKey, `must be ${settings.publicKey.shape}`),
      pem !== undefined &&
        !isUsable(pem, algorithms) &&
        fault(
          settings.publicKey,
          ({ name }) =>
            `must be a key for one of ${name(settings.algorithms)}, and of RSA with 2048 bits or more`,
        ),
    ];
  });
  return Result.map(
    values,
    ({ organizations = hasDirectory ? undefined : "organizations", ...values }) => ({
      ...values,
      publicKey: pem,
      organizations,
    }),
  );
};

/** Returns false for a key that would make the service refuse everyone. */
function isUsable(pem: string, algorithms: ReadonlyArray<string>): boolean {
  const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem);
  const names = ALGORITHMS_BY_KEY.get(asymmetricKeyType ?? "");
  const isLong = (asymmetricKeyDetails?.modulusLength ?? Infinity) >= 2048;
  return isLong && names !== undefined && algorithms.some((name) => names.test(name));
}

const ALGORITHMS_BY_KEY = new Map([
  ["rsa", /^[RP]S/],
  ["ec", /^ES/],
  ["ed25519", /^EdDSA$/],
]);

function publicKeyIn(textOrPath: string): string | undefined {
  try {
    const isPem = textOrPath.includes("-----BEGIN");
    const pem = isPem ? textOrPath : Result.getOrThrow(readSmallFile(textOrPath));
    // A public key could be derived from a private one, but a private key does not belong here.
    if (pem.includes("PRIVATE")) return undefined;
    // Fails for other kinds of keys, such as DSA, which could verify no token.
    createPublicKey(pem).export({ format: "jwk" });
    return pem;
  } catch {
    return undefined;
  }
}
