import type { Env } from "../../settings/source.ts";

/** Where the key for each use is configured, and how to correct it. */
export type KeyNames = Readonly<Record<"service" | "put" | "get", KeyName>>;

export interface KeyName {
  /** Such as `STORAGE_PUT_ACCESS_KEY`. */
  readonly from: string;
  /** How to correct a key that the store refuses. */
  readonly mend: string;
  /** The setting of the secret, or where the credentials come from. */
  readonly secret: string;
  /** The setting of the session token, or where the credentials come from. */
  readonly token: string;
}

/** Names them as the environment sets them. */
export function keyNamesOf(env: Env, adapter: string): KeyNames {
  if (adapter === "local") return { service: EMBEDDED, put: EMBEDDED, get: EMBEDDED };
  const main = env["STORAGE_CREDENTIALS_FILE"]
    ? inOne("STORAGE_CREDENTIALS_FILE")
    : env["STORAGE_ACCESS_KEY"]
      ? pair(env, "")
      : adapter === "gcs"
        ? google(env)
        : CHAIN;
  const separate = (use: "PUT" | "GET") =>
    env[`STORAGE_${use}_ROLE`]
      ? inOne(`STORAGE_${use}_ROLE`)
      : env[`STORAGE_${use}_ACCESS_KEY`]
        ? pair(env, `${use}_`)
        : main;
  return { service: main, put: separate("PUT"), get: separate("GET") };
}

const inOne = (name: string): KeyName => ({
  from: name,
  secret: name,
  token: name,
  mend: `correct ${name}`,
});

/** A key and its secret, in two variables. */
function pair(env: Env, use: "" | "PUT_" | "GET_"): KeyName {
  const [from, secret, token] = ["ACCESS_KEY", "SECRET_KEY", "SESSION_TOKEN"].map(
    (name) => `STORAGE_${use}${name}`,
  ) as [string, string, string];
  const mend = `correct ${from} and ${secret}, which belong together`;
  const flaw = flawIn(env, [from, secret, token]);
  return { from, secret, token, mend: flaw === undefined ? mend : `${mend}: ${flaw}` };
}

/** What is often wrong with values that were pasted; no value is told. */
function flawIn(
  env: Env,
  names: readonly [key: string, secret: string, token: string],
): string | undefined {
  const [key, secret, token] = names;
  const quoted = names.find((name) => /^(["']).*\1$/s.test(env[name] ?? ""));
  if (quoted !== undefined) return `${quoted} has quotes around it, and they count`;
  if ((env[key] ?? "").length > (env[secret] ?? "").length) {
    return `${key} is longer than ${secret}, so the two may be swapped`;
  }
  return env[key]?.startsWith("ASIA") === true && !env[token]
    ? `it is a temporary key, which needs ${token}`
    : undefined;
}

const google = (env: Env) => {
  const set = ["STORAGE_GCS_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"].find(
    (name) => env[name],
  );
  return set === undefined ? MACHINE : inOne(set);
};

const MACHINE = {
  from: "the service account of this machine",
  secret: "that service account",
  token: "that service account",
  mend: "set GOOGLE_APPLICATION_CREDENTIALS, or give this machine a service account",
};

const EMBEDDED = {
  from: "the folder of the embedded store",
  secret: "that folder",
  token: "that folder",
  mend: "let the service write to STORAGE_LOCAL_DIR",
};

const CHAIN = {
  from: "the usual chain of the store's own client",
  secret: "the credentials in that chain",
  token: "the credentials in that chain",
  mend: "set STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY, or give this machine a profile or a role",
};
