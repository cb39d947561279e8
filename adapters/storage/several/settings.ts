import * as Arr from "effect/Array";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readDocument } from "../../settings/json-file.ts";
import { fault, optional, type Read, readSettings } from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";
import { inWords, shownPointer } from "../../values/decode.ts";
import { decodeStores, type DocumentPlace, type StoresDocument } from "./document.ts";

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
  return Result.flatMap(readSettings(settings, source), ({ stores: text }) => {
    if (text === undefined) return Result.succeed(undefined);
    const { where, path, json } = readDocument(text);
    return json.pipe(
      Result.mapError((problem) => [unusable(`${where} ${problem}`)]),
      Result.flatMap((document) =>
        Result.mapError(
          decode(document),
          Arr.map(({ pointer, reason }) =>
            unusable(`in ${where}, ${shownPointer(pointer)}: ${reason}`),
          ),
        ),
      ),
      Result.map((document) => ({
        ...document,
        hasDefault: place.hasDefault,
        file:
          path === undefined
            ? undefined
            : {
                path,
                decode: (json: unknown) => Result.mapError(decode(json), inWords),
              },
      })),
    );
  });
};

const unusable = (problem: string) => fault(settings.stores, `cannot be used: ${problem}`);
