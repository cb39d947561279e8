import * as Result from "effect/Result";
import { readStore, type StoreSettings, unknownIn } from "../../service/settings.ts";
import { type Fault, type Read, sentenceFor } from "../../settings/setting.ts";
import { type Env, say, VARIABLES } from "../../settings/source.ts";
import { CommandFailure, EXIT } from "./failure.ts";

export const orFail = <A>(read: Read<A>, failure: string, env: Env, code = EXIT.configuration): A =>
  Result.getOrThrowWith(read, (faults) => {
    const message = configurationMessage(failure, faults, unknownIn(env).warnings);
    return new CommandFailure({ code, message });
  });

export const readStoreOrFail = (env: Env): StoreSettings =>
  orFail(readStore(env), "The command cannot run", env);

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
