import type { Env } from "../../settings/source.ts";

/** Where the key for each use is configured, and how to correct it. */
export type KeyNames = Readonly<
  Record<
    "service" | "put" | "get",
    {
      /** Such as `STORAGE_PUT_ACCESS_KEY`. */
      readonly from: string;
      readonly mend: string;
      /** The setting of the secret, or where the credentials come from. */
      readonly secret: string;
    }
  >
>;

/** Names them as the environment sets them. */
export function keyNamesOf(env: Env, adapter: string): KeyNames {
  if (adapter === "local") return { service: EMBEDDED, put: EMBEDDED, get: EMBEDDED };
  const main = env["STORAGE_CREDENTIALS_FILE"]
    ? named("STORAGE_CREDENTIALS_FILE", "STORAGE_CREDENTIALS_FILE")
    : env["STORAGE_ACCESS_KEY"]
      ? named("STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY")
      : adapter === "gcs"
        ? google(env)
        : CHAIN;
  const separate = (use: "PUT" | "GET") =>
    env[`STORAGE_${use}_ROLE`]
      ? named(`STORAGE_${use}_ROLE`, `STORAGE_${use}_ROLE`)
      : env[`STORAGE_${use}_ACCESS_KEY`]
        ? named(`STORAGE_${use}_ACCESS_KEY`, `STORAGE_${use}_SECRET_KEY`)
        : main;
  return { service: main, put: separate("PUT"), get: separate("GET") };
}

const named = (from: string, secret: string) => ({
  from,
  secret,
  mend: from === secret ? `correct ${from}` : `set ${from} and ${secret}`,
});

const google = (env: Env) => {
  const set = ["STORAGE_GCS_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"].find(
    (name) => env[name],
  );
  return set === undefined ? MACHINE : named(set, set);
};

const MACHINE = {
  from: "the service account of this machine",
  secret: "that service account",
  mend: "set GOOGLE_APPLICATION_CREDENTIALS, or give this machine a service account",
};

const EMBEDDED = {
  from: "the folder of the embedded store",
  secret: "that folder",
  mend: "let the service write to STORAGE_LOCAL_DIR",
};

const CHAIN = {
  from: "the usual chain of the store's own client",
  secret: "the credentials in that chain",
  mend: "set STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY, or give this machine a profile or a role",
};
