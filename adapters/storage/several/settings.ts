import * as Arr from "effect/Array";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readDocument } from "../../settings/json-file.ts";
import {
  fault,
  optional,
  optionFault,
  type Read,
  readSettings,
  type Settings,
} from "../../settings/setting.ts";
import { DOCUMENT, say, type Source } from "../../settings/source.ts";
import { inWords, type MemberFault, shownPointer } from "../../values/decode.ts";
import { DEFAULT_STORE, type StoreName } from "../../../domain/place.ts";
import { adapter } from "../settings.ts";
import {
  decodeStores,
  sourceIn,
  storeNames,
  type DocumentPlace,
  type StoresDocument,
} from "./document.ts";

export const settings = {
  stores: optional({
    variable: "STORES",
    option: "stores",
    meaning: "Further stores by name, and the organizations whose files they have.",
    otherwise: "one store for all organizations",
    codec: Schema.NonEmptyString,
    shape:
      'a JSON object with "stores" and "organizations", or the path of a file with one, which is read again when it changes',
    example: "deploy/stores.json",
  }),
};

/** The stores at the start, and their file, if one has them. */
export interface SeveralStores<Beside> extends StoresDocument<Beside> {
  readonly file?:
    | {
        readonly path: string;
        readonly decode: (json: unknown) => Result.Result<StoresDocument<Beside>, string>;
      }
    | undefined;
  /** True if variables configure the store `default`, for whom nobody places elsewhere. */
  readonly hasDefault: boolean;
}

/** Reads the document of stores; undefined if there is none. */
export const read = <Beside>(
  source: Source,
  place: Omit<DocumentPlace<Beside>, "env">,
): Read<SeveralStores<Beside> | undefined> => {
  const decode = (json: unknown) => decodeStores(json, { ...place, env: source.env });
  return Result.flatMap(readText(source), (text) =>
    text === undefined
      ? Result.succeed(undefined)
      : Result.map(inFile(text.where, decode(text.json)), (document) => ({
          ...document,
          hasDefault: place.hasDefault,
          file:
            text.path === undefined
              ? undefined
              : {
                  path: text.path,
                  decode: (json) => Result.mapError(decode(json), inWords),
                },
        })),
  );
};

/**
 * Returns where one store has its settings, whatever is wrong with others of the document. The
 * default one is that of the variables, unless the document has it in their place.
 */
export const sourceFor = (source: Source, name: StoreName, beside: Settings): Read<Source> =>
  Result.flatMap(readText(source), (text): Read<Source> => {
    const names = storeNames(text?.json);
    const isThere = names.includes(name);
    if (name === DEFAULT_STORE && (source.valueOf(adapter) !== undefined || !isThere)) {
      return Result.succeed(source);
    }
    if (text === undefined || !isThere) {
      const known = [...new Set([DEFAULT_STORE, ...names])].join(", ");
      return Result.fail([optionFault("--store", `must be one of ${known}, the stores of STORES`)]);
    }
    return inFile(text.where, sourceIn(text.json, name, { env: source.env, beside }));
  });

const readText = (source: Source) =>
  Result.flatMap(readSettings(settings, source), ({ stores }) => {
    if (stores === undefined) return Result.succeed(undefined);
    const { where, path, json } = readDocument(stores);
    return Result.mapBoth(json, {
      onSuccess: (json) => ({ where, path, json }),
      onFailure: (problem) => [unusable(`${where} ${problem}`)],
    });
  });

const inFile = <A>(where: string, read: Result.Result<A, ReadonlyArray<MemberFault>>): Read<A> =>
  Result.mapError(
    read,
    Arr.map(({ pointer, reason }) => unusable(`in ${where}, ${shownPointer(pointer)}: ${reason}`)),
  );

/** Names what is read of a store as the document has it, if it is there. */
export const inDocument = <A>({ words }: Source, name: StoreName, read: Read<A>): Read<A> =>
  words !== DOCUMENT
    ? read
    : Result.mapError(
        read,
        Arr.map(({ setting, problem }) =>
          unusable(`/stores/${name}/${words.name(setting)} ${say(problem, words)}`),
        ),
      );

const unusable = (problem: string) => fault(settings.stores, `cannot be used: ${problem}`);
