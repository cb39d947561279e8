import * as Redacted from "effect/Redacted";
import type { DevelopmentToken } from "../identity/dev.ts";
import type { CallerSettings } from "../identity/settings.ts";
import { anyOf, type Fault, sentenceFor } from "../settings/setting.ts";
import { say, VARIABLES } from "../settings/source.ts";
import { STORE_NAMES } from "../storage/settings.ts";

export function configurationMessage(
  prevented: string,
  faults: ReadonlyArray<Fault>,
  hints: ReadonlyArray<string>,
): string {
  const lines = faults.map((fault) => {
    const sentence = sentenceFor(fault, VARIABLES);
    const example = say(fault.example, VARIABLES);
    const assigned = `    for example: ${VARIABLES.name(fault.setting)}=${inShell(example)}\n`;
    return `  ${sentence}${sentence.endsWith("?") ? "" : "."}\n${example && assigned}`;
  });
  return `${prevented}: invalid configuration.

${lines.join("\n")}
${hints.map((hint) => `  ${hint}\n\n`).join("")}Every variable is explained in docs/configuration.md.
`;
}

export const inShell = (example: string): string =>
  /^[\w./:@,+=-]+$/.test(example) ? example : `"${example}"`;

interface Started {
  readonly address: string;
  readonly callers: CallerSettings;
  readonly store: string;
}

export function startMessage({ address, callers, store }: Started): string {
  const lines = [
    ...(callers.auth === "dev" ? [] : [["Address", address]]),
    ...callerLines(callers, address),
    ["Store", store],
    [
      "Switch",
      `STORAGE_ADAPTER=${anyOf(STORE_NAMES.slice(1))}, with the variables in docs/stores.md`,
    ],
    ["Stop", "Ctrl+C"],
  ];
  const text = lines.map(([name = "", fact = ""]) => `  ${name.padEnd(8)} ${fact}\n`).join("");
  return `\nValetkey is ready.\n\n${text}\n`;
}

/** The facts for the log. It may be collected, so it has only the tokens that were generated. */
export function readyFacts({ address, callers, store }: Started) {
  const facts = { address, store, auth: callers.auth };
  if (callers.auth !== "dev") return facts;
  const { user, service } = callers.tokens;
  return {
    ...facts,
    ...(user.isGenerated && { page: pageAddress(address, user) }),
    ...(service.isGenerated && { serviceToken: Redacted.value(service.value) }),
  };
}

const pageAddress = (address: string, { value }: DevelopmentToken) =>
  `${address}/#token=${Redacted.value(value)}`;

function callerLines(callers: CallerSettings, address: string): ReadonlyArray<readonly string[]> {
  switch (callers.auth) {
    case "dev": {
      const { user, service } = callers.tokens;
      return [
        ["Try it", pageAddress(address, user)],
        ["Service", `token ${Redacted.value(service.value)}, for callers that are services`],
      ];
    }
    case "static":
      return [["Callers", `${callers.tokens.length} tokens in ${callers.file}`]];
    case "jwt":
      return [["Callers", `with a token of ${callers.issuer} for ${callers.audience}`]];
    case "forward":
      return [["Callers", `named by ${callers.user}, from trusted proxies`]];
  }
}
