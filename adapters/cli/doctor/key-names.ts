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
export function keyNamesOf(env: Env, isGoogle: boolean): KeyNames {
  const main = env["STORAGE_CREDENTIALS_FILE"]
    ? named("STORAGE_CREDENTIALS_FILE", "STORAGE_CREDENTIALS_FILE")
    : env["STORAGE_ACCESS_KEY"]
      ? named("STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY")
      : isGoogle
        ? named("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS")
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

const CHAIN = {
  from: "the usual chain of the store's own client",
  secret: "the credentials in that chain",
  mend: "set STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY, or give this machine a profile or a role",
};
