import * as Result from "effect/Result";
import { readStore, type StoreSettings, unknownIn } from "../../service/settings.ts";
import { type Fault, type Read, sentenceFor } from "../../settings/setting.ts";
import { type Env, say, variables, VARIABLES } from "../../settings/source.ts";
import * as stores from "../../storage/several/settings.ts";
import { StoreName } from "../../../domain/place.ts";
import { option } from "./command.ts";
import { CommandFailure, EXIT } from "./failure.ts";

export const orFail = <A>(read: Read<A>, failure: string, env: Env, code = EXIT.configuration): A =>
  Result.getOrThrowWith(read, (faults) => {
    const message = configurationMessage(failure, faults, unknownIn(env).warnings);
    return new CommandFailure({ code, message });
  });

/** The option of commands that use a store. */
export const STORE_OPTION = {
  store: option("NAME", StoreName, "the name of a store in STORES", {
    note: "default if left out",
  }),
};

/** The same for commands that otherwise go over all stores. */
export const STORES_OPTION = { ...STORE_OPTION.store, note: "all of them if left out" };

export const readStoreOrFail = (env: Env, name?: StoreName): StoreSettings =>
  orFail(readStore(env, name), CANNOT_RUN, env);

/** A store, with its name if it is one of several. */
export type ReadStore = StoreSettings & { readonly name?: StoreName | undefined };

/** Reads the store of this name, or all if there are several. */
export function readStoresOrFail(env: Env, name?: StoreName): ReadonlyArray<ReadStore> {
  const names = name ? [name] : orFail(stores.namesIn(variables(env)), CANNOT_RUN, env);
  return names === undefined
    ? [readStoreOrFail(env)]
    : names.map((each) => ({ ...readStoreOrFail(env, each), name: each }));
}

const CANNOT_RUN = "The command cannot run";

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
