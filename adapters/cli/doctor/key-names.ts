import type { Env } from "../../settings/source.ts";

/** The settings of the key for each use, and how to correct it. */
export type KeyNames = Readonly<Record<"service" | "put" | "get", KeyName>>;

export interface KeyName {
  /** Such as `STORAGE_PUT_ACCESS_KEY`. */
  readonly from: string;
  /** The setting of the secret, or the origin of the credentials. */
  readonly secret: string;
  /** The setting of the session token, or the origin of the credentials. */
  readonly token: string;
  /** Advice where the store refuses the key. */
  readonly mend: string;
}

/** Names the keys as the environment sets them. */
export function readKeyNames(env: Env, adapter: string): KeyNames {
  if (adapter === "local") return { service: EMBEDDED, put: EMBEDDED, get: EMBEDDED };
  const google = ["STORAGE_GCS_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"].find(
    (name) => env[name],
  );
  const main = env["STORAGE_CREDENTIALS_FILE"]
    ? whole("STORAGE_CREDENTIALS_FILE")
    : env["STORAGE_ACCESS_KEY"]
      ? pair(env, "")
      : adapter !== "gcs"
        ? CHAIN
        : google === undefined
          ? MACHINE
          : whole(google);
  const separate = (use: "PUT" | "GET") =>
    env[`STORAGE_${use}_ROLE`]
      ? whole(`STORAGE_${use}_ROLE`)
      : env[`STORAGE_${use}_ACCESS_KEY`]
        ? pair(env, `${use}_`)
        : main;
  return { service: main, put: separate("PUT"), get: separate("GET") };
}

/** Credentials that are set as a whole. */
const whole = (from: string, mend = `correct ${from}`): KeyName => ({
  from,
  secret: from,
  token: from,
  mend,
});

const EMBEDDED = whole(
  "the folder of the embedded store",
  "let the service write to STORAGE_LOCAL_DIR",
);
const MACHINE = whole(
  "the service account of this machine",
  "set GOOGLE_APPLICATION_CREDENTIALS, or give this machine a service account",
);
const CHAIN = whole(
  "the usual chain of the store's own client",
  "set STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY, or give this machine a profile or a role",
);

/** A key, its secret and its token, each in a variable. */
function pair(env: Env, use: "" | "PUT_" | "GET_"): KeyName {
  const from = `STORAGE_${use}ACCESS_KEY`;
  const secret = `STORAGE_${use}SECRET_KEY`;
  const token = `STORAGE_${use}SESSION_TOKEN`;
  const quoted = [from, secret, token].find((name) => /^(["']).*\1$/s.test(env[name] ?? ""));
  // Common mistakes of values that were pasted; no value is shown.
  const flaw =
    quoted !== undefined
      ? `: ${quoted} has quotes around it, and they count`
      : (env[from] ?? "").length > (env[secret] ?? "").length
        ? `: ${from} is longer than ${secret}, so the two may be swapped`
        : env[from]?.startsWith("ASIA") === true && !env[token]
          ? `: it is a temporary key, which needs ${token}`
          : "";
  return {
    from,
    secret,
    token,
    mend: `correct ${from} and ${secret}, which belong together${flaw}`,
  };
}
