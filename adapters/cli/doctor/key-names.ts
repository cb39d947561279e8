import type { Env } from "../../settings/source.ts";

export type Use = "service" | "put" | "get";

/** The settings of a key, or the origin of its credentials where they are set as a whole. */
export interface KeyName {
  /** Such as `STORAGE_PUT_ACCESS_KEY`. */
  readonly from: string;
  readonly secret: string;
  readonly token: string;
  /** Advice where the store refuses the key. */
  readonly mend: string;
}

export function readKeyNames(env: Env, adapter: string): Readonly<Record<Use, KeyName>> {
  const service = mainKey(env, adapter);
  const separate = (use: "PUT" | "GET") => {
    if (adapter === "local") return service;
    if (env[`STORAGE_${use}_ROLE`]) return whole(`STORAGE_${use}_ROLE`);
    return env[`STORAGE_${use}_ACCESS_KEY`] ? pair(env, `${use}_`) : service;
  };
  return { service, put: separate("PUT"), get: separate("GET") };
}

function mainKey(env: Env, adapter: string): KeyName {
  if (adapter === "local") {
    const mend = "let the service write to STORAGE_LOCAL_DIR";
    return whole("the folder of the embedded store", mend);
  }
  if (env["STORAGE_CREDENTIALS_FILE"]) return whole("STORAGE_CREDENTIALS_FILE");
  // On Azure it alone is the name of an account.
  const isPair = env["STORAGE_ACCESS_KEY"] && (adapter !== "azure" || env["STORAGE_SECRET_KEY"]);
  if (isPair) return pair(env, "");
  if (adapter !== "gcs") {
    return whole(
      "the usual chain of the store's own client",
      "set STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY, or give this machine a profile or a role",
    );
  }
  if (env["STORAGE_GCS_CREDENTIALS"]) return whole("STORAGE_GCS_CREDENTIALS");
  if (env["GOOGLE_APPLICATION_CREDENTIALS"]) return whole("GOOGLE_APPLICATION_CREDENTIALS");
  return whole(
    "the service account of this machine",
    "set GOOGLE_APPLICATION_CREDENTIALS, or give this machine a service account",
  );
}

const whole = (from: string, mend = `correct ${from}`): KeyName => ({
  from,
  secret: from,
  token: from,
  mend,
});

function pair(env: Env, use: "" | "PUT_" | "GET_"): KeyName {
  const from = `STORAGE_${use}ACCESS_KEY`;
  const secret = `STORAGE_${use}SECRET_KEY`;
  const token = `STORAGE_${use}SESSION_TOKEN`;
  const mistake = pastingMistake(env, { from, secret, token });
  return {
    from,
    secret,
    token,
    mend: `correct ${from} and ${secret}, which belong together${mistake && `: ${mistake}`}`,
  };
}

/** Names a common mistake, and shows no value. */
function pastingMistake(env: Env, { from, secret, token }: Omit<KeyName, "mend">): string {
  const quoted = [from, secret, token].find((name) => /^(["']).*\1$/s.test(env[name] ?? ""));
  if (quoted !== undefined) return `${quoted} has quotes around it, and they count`;
  const { [from]: key = "", [secret]: secretKey = "" } = env;
  if (key.length > secretKey.length) {
    return `${from} is longer than ${secret}, so the two may be swapped`;
  }
  const isIncomplete = key.startsWith("ASIA") && !env[token];
  return isIncomplete ? `it is a temporary key, which needs ${token}` : "";
}
