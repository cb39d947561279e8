import type { Fault } from "../settings/setting.ts";

/** What a person reads when the configuration is wrong. */
export function configurationMessage(faults: ReadonlyArray<Fault>): string {
  const lines = faults.map(
    ({ name, problem, example }) => `  ${name} ${problem}.\n    for example: ${name}=${example}\n`,
  );
  return `Valetkey cannot start: its environment is not right.\n\n${lines.join("\n")}\nThe README lists every variable.\n`;
}

/** What a person reads once the service has started. */
export function startMessage(started: {
  readonly address: string;
  readonly token: string;
  readonly store: string;
}): string {
  return `
Valetkey is ready.

  Try it   ${started.address}/#token=${started.token}
  Store    ${started.store}
  Switch   STORAGE_ADAPTER=minio or aws, with the variables in the README
  Stop     Ctrl+C

`;
}
