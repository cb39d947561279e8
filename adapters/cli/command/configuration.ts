import type * as Arr from "effect/Array";
import * as Result from "effect/Result";
import { existsSync } from "node:fs";
import { readStore, type StoreSettings, unknownIn } from "../../service/settings.ts";
import { directory } from "../../settings/directory.ts";
import { type Fault, type Read, readSettings, sentenceFor } from "../../settings/setting.ts";
import { type Env, say, variables, VARIABLES } from "../../settings/source.ts";
import { DEFAULT_STORE, StoreName } from "../../../domain/place.ts";
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

/**
 * Reads the store of this name, or all if there are several. The default one is left out if nothing
 * configures it, unless its folder is there, from a time without `STORES`.
 */
export function readStoresOrFail(env: Env, name?: StoreName): Arr.NonEmptyReadonlyArray<ReadStore> {
  if (name !== undefined) return [{ ...readStoreOrFail(env, name), name }];
  const own = readStoreOrFail(env);
  const { several } = own;
  if (several === undefined) return [own];
  const place = orFail(readSettings({ directory }, variables(env)), CANNOT_RUN, env);
  const hasDefault = several.hasDefault || existsSync(place.directory);
  const names = new Set([...(hasDefault ? [DEFAULT_STORE] : []), ...several.stores.keys()]);
  const [first = DEFAULT_STORE, ...others] = names;
  const read = (each: StoreName) => ({ ...readStoreOrFail(env, each), several, name: each });
  return [read(first), ...others.map(read)];
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
