import type { Fault } from "../settings/setting.ts";

/** What a person reads when the configuration is wrong. */
export function configurationMessage(
  faults: ReadonlyArray<Fault>,
  misspelt: ReadonlyArray<Misspelt>,
): string {
  const lines = faults.map(
    ({ name, problem, example }) =>
      `  ${name} ${problem}${problem.endsWith("?") ? "" : "."}\n    for example: ${name}=${example}\n`,
  );
  const hints = misspelt.map((name) => `  ${misspeltMessage(name)}\n\n`).join("");
  return `Valetkey cannot start: its environment is not right.\n\n${lines.join("\n")}\n${hints}The README lists every variable.\n`;
}

/** A variable that looks like one of ours, and the one that was probably meant. */
export interface Misspelt {
  readonly name: string;
  readonly meant: string;
}

/** What a person reads of a misspelt variable. */
export const misspeltMessage = ({ name, meant }: Misspelt): string =>
  `${name} is not a variable of this service; is ${meant} meant?`;

/** What a person reads once the service has started. */
export function startMessage(started: {
  readonly address: string;
  readonly token: string;
  readonly serviceToken: string;
  readonly store: string;
}): string {
  return `
Valetkey is ready.

  Try it   ${started.address}/#token=${started.token}
  Service  token ${started.serviceToken}, for callers that are services
  Store    ${started.store}
  Switch   STORAGE_ADAPTER=minio, aws or gcs, with the variables in the README
  Stop     Ctrl+C

`;
}
