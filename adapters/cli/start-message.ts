import * as Redacted from "effect/Redacted";
import type { DevelopmentToken } from "../identity/dev.ts";
import type { CallerSettings } from "../identity/settings.ts";
import { anyOf } from "../settings/setting.ts";
import { STORE_NAMES } from "../storage/settings.ts";

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
