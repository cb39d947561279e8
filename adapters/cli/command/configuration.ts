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
  requireStore(env, orFail(readStore(env, name), CANNOT_RUN, env));

/** These settings of a store, or a failure if no name was given and there is no default store. */
export function requireStore<A extends Pick<StoreSettings, "several">>(env: Env, read: A): A {
  const { several } = read;
  const names = several && storesOf(env, several);
  if (names === undefined || names.has(DEFAULT_STORE)) return read;
  const message =
    names.size === 0
      ? "There is no store: STORES has none, and no STORAGE_ADAPTER chooses the default one."
      : `There is no default store: name one with --store (${[...names].join(", ")}).`;
  throw new CommandFailure({ code: EXIT.usage, message });
}

/** A store, with its name if it is one of several. */
export type ReadStore = StoreSettings & { readonly name?: StoreName | undefined };

/** Reads the store of this name, or all if there are several. */
export function readStoresOrFail(env: Env, name?: StoreName): Arr.NonEmptyReadonlyArray<ReadStore> {
  if (name !== undefined) return [{ ...readStoreOrFail(env, name), name }];
  const own = orFail(readStore(env), CANNOT_RUN, env);
  const { several } = own;
  if (several === undefined) return [own];
  const [first = DEFAULT_STORE, ...others] = storesOf(env, several);
  const read = (each: StoreName) => ({ ...readStoreOrFail(env, each), several, name: each });
  return [read(first), ...others.map(read)];
}

/**
 * The names of all stores. The default one is left out if nothing configures it, unless its folder is
 * there, from a time without `STORES`.
 */
function storesOf(env: Env, several: NonNullable<StoreSettings["several"]>) {
  const place = orFail(readSettings({ directory }, variables(env)), CANNOT_RUN, env);
  const hasDefault = several.hasDefault || existsSync(place.directory);
  return new Set([...(hasDefault ? [DEFAULT_STORE] : []), ...several.stores.keys()]);
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
