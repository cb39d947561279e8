import * as Redacted from "effect/Redacted";
import type { CallerSettings } from "../identity/settings.ts";
import { type Fault, sentenceOf } from "../settings/setting.ts";
import { say, VARIABLES } from "../settings/source.ts";

/** The message about an invalid configuration. */
export function configurationMessage(
  faults: ReadonlyArray<Fault>,
  misspelt: ReadonlyArray<Misspelt>,
): string {
  const lines = faults.map((fault) => {
    const name = VARIABLES.name(fault.setting);
    const sentence = sentenceOf(fault, VARIABLES);
    return `  ${sentence}${sentence.endsWith("?") ? "" : "."}\n    for example: ${name}=${inShell(say(fault.example, VARIABLES))}\n`;
  });
  const hints = misspelt.map((name) => `  ${misspeltMessage(name)}\n\n`).join("");
  return `Valetkey cannot start: invalid configuration.\n\n${lines.join("\n")}\n${hints}Every variable is explained in docs/configuration.md.\n`;
}

/** An example, quoted for a shell. */
export const inShell = (example: string): string =>
  /^[\w./:@,+=-]+$/.test(example) ? example : `"${example}"`;

/** An unknown variable that looks like one of ours, and the one that was probably meant. */
export interface Misspelt {
  readonly name: string;
  readonly meant: string;
}

/** The message about a misspelt variable. */
export const misspeltMessage = ({ name, meant }: Misspelt): string =>
  `${name} is not a known variable; did you mean ${meant}?`;

/** The message after the service has started. */
export function startMessage(started: {
  readonly address: string;
  readonly callers: CallerSettings;
  readonly store: string;
}): string {
  const lines = [
    ...callerLines(started.callers, started.address),
    ["Store", started.store],
    ["Switch", "STORAGE_ADAPTER=minio, aws or gcs, with the variables in docs/stores.md"],
    ["Stop", "Ctrl+C"],
  ];
  const text = lines.map(([name = "", what = ""]) => `  ${name.padEnd(8)} ${what}\n`).join("");
  return `\nValetkey is ready.\n\n${text}\n`;
}

function callerLines(callers: CallerSettings, address: string): ReadonlyArray<readonly string[]> {
  const serves = ["Address", address];
  switch (callers.auth) {
    case "dev": {
      const { user, service } = callers.tokens;
      return [
        ["Try it", `${address}/#token=${Redacted.value(user.value)}`],
        ["Service", `token ${Redacted.value(service.value)}, for callers that are services`],
      ];
    }
    case "static":
      return [serves, ["Callers", `${callers.tokens.length} tokens in ${callers.file}`]];
    case "jwt":
      return [serves, ["Callers", `with a token of ${callers.issuer} for ${callers.audience}`]];
    case "forward":
      return [serves, ["Callers", `named by ${callers.headers.user}, from trusted proxies`]];
  }
}
