import type { Settings } from "../../settings/setting.ts";
import type { Env } from "../../settings/source.ts";
import type { StoreName } from "../../storage/settings.ts";
import { STORES } from "../../storage/stores/stores.ts";

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
  // Another adapter would have ended the command.
  const { settings } = STORES[adapter as StoreName];
  const setFor = (...names: ReadonlyArray<string>) =>
    names.flatMap((name) => settings[name]?.variable ?? []).find((variable) => env[variable]);
  const main = () => {
    if (!("secretKey" in settings)) return FOLDER;
    const given = setFor("credentialsFile", "credentials");
    if (given !== undefined) return whole(given);
    if (setFor("secretKey") !== undefined) return pair(env, "");
    const found = setFor("applicationCredentials");
    return found === undefined ? chain(settings) : whole(found);
  };
  const service = main();
  const separate = (use: "PUT" | "GET") => {
    const role = setFor(`${use.toLowerCase()}Role`);
    if (role !== undefined) return whole(role);
    return setFor(`${use.toLowerCase()}AccessKey`) ? pair(env, `${use}_`) : service;
  };
  return { service, put: separate("PUT"), get: separate("GET") };
}

const whole = (from: string, mend = `correct ${from}`): KeyName => ({
  from,
  secret: from,
  token: from,
  mend,
});

const FOLDER = whole(
  "the folder of the embedded store",
  "let the service write to STORAGE_LOCAL_DIR",
);

const chain = ({ applicationCredentials }: Settings) =>
  whole(
    "the usual chain of the store's own client",
    `set ${applicationCredentials?.variable ?? "STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY"}, or give this machine a profile, a role or an account`,
  );

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
