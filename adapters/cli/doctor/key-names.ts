import * as Str from "effect/String";
import type { Settings } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";
import { keySettings } from "../../storage/credentials/key-settings.ts";
import { directory } from "../../settings/directory.ts";
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

export function readKeyNames(source: Source, adapter: string): Readonly<Record<Use, KeyName>> {
  const { valueOf, words } = source;
  // Another adapter would have ended the command.
  const { settings } = STORES[adapter as StoreName];
  const setFor = (...names: ReadonlyArray<string>) => {
    const setting = names.flatMap((name) => settings[name] ?? []).find((each) => valueOf(each));
    return setting && words.name(setting);
  };
  const main = () => {
    if (!("secretKey" in settings)) return folder(source);
    const given = setFor("credentialsFile", "credentials");
    if (given !== undefined) return whole(given);
    if (setFor("secretKey") !== undefined) return pair(source);
    const found = setFor("applicationCredentials");
    return found === undefined ? chain(source, settings) : whole(found);
  };
  const service = main();
  const separate = (use: "put" | "get") => {
    const role = setFor(`${use}Role`);
    if (role !== undefined) return whole(role);
    return setFor(`${use}AccessKey`) ? pair(source, use) : service;
  };
  return { service, put: separate("put"), get: separate("get") };
}

const whole = (from: string, mend = `correct ${from}`): KeyName => ({
  from,
  secret: from,
  token: from,
  mend,
});

const folder = ({ words }: Source) =>
  whole("the folder of the embedded store", `let the service write to ${words.name(directory)}`);

const chain = ({ words }: Source, { applicationCredentials }: Settings) => {
  const { accessKey, secretKey } = keySettings;
  const names = applicationCredentials
    ? words.name(applicationCredentials)
    : `${words.name(accessKey)} and ${words.name(secretKey)}`;
  return whole(
    "the usual chain of the store's own client",
    `set ${names}, or give this machine a profile, a role or an account`,
  );
};

function pair({ valueOf, words }: Source, use?: "put" | "get"): KeyName {
  const read = (part: "accessKey" | "secretKey" | "sessionToken") => {
    const setting =
      keySettings[use === undefined ? part : (`${use}${Str.capitalize(part)}` as const)];
    return { name: words.name(setting), value: String(valueOf(setting) ?? "") };
  };
  const key = read("accessKey");
  const secret = read("secretKey");
  const token = read("sessionToken");
  const mistake = pastingMistake(key, secret, token);
  return {
    from: key.name,
    secret: secret.name,
    token: token.name,
    mend: `correct ${key.name} and ${secret.name}, which belong together${mistake && `: ${mistake}`}`,
  };
}

interface Given {
  readonly name: string;
  readonly value: string;
}

/** Names a common mistake, and shows no value. */
function pastingMistake(key: Given, secret: Given, token: Given): string {
  const quoted = [key, secret, token].find(({ value }) => /^(["']).*\1$/s.test(value));
  if (quoted !== undefined) return `${quoted.name} has quotes around it, and they count`;
  if (key.value.length > secret.value.length) {
    return `${key.name} is longer than ${secret.name}, so the two may be swapped`;
  }
  const isIncomplete = key.value.startsWith("ASIA") && token.value === "";
  return isIncomplete ? `it is a temporary key, which needs ${token.name}` : "";
}
