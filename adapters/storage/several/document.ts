import * as Arr from "effect/Array";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { closest } from "fastest-levenshtein";
import { hash } from "node:crypto";
import { OrganizationId } from "../../../domain/organization.ts";
import { DEFAULT_STORE, type Place, StoreName } from "../../../domain/place.ts";
import { readSmallFile } from "../../settings/json-file.ts";
import {
  type Read,
  readSettings,
  type Setting,
  type Settings,
  settingsIn,
} from "../../settings/setting.ts";
import { DOCUMENT, type Env, say, type Source } from "../../settings/source.ts";
import {
  type Decoded,
  decoder,
  type MemberFault,
  memberAt,
  toPointer,
} from "../../values/decode.ts";
import { adapter, type StoreName as Adapter } from "../settings.ts";
import { type KnownStorage, pathOf } from "../storage.ts";
import { STORES } from "../stores/stores.ts";

/** A store with a name, and what `Beside` has of its settings. */
export interface NamedStore<Beside = unknown> {
  readonly storage: KnownStorage & { readonly adapter: Adapter };
  readonly beside: Beside;
  /** The same while all settings are the same. */
  readonly fingerprint: string;
}

export interface StoresDocument<Beside> {
  readonly stores: ReadonlyMap<StoreName, NamedStore<Beside>>;
  readonly organizations: ReadonlyMap<OrganizationId, Place>;
}

export interface DocumentPlace<Beside> {
  readonly env: Env;
  readonly publicUrl: URL;
  /** True if variables configure the store `default`. */
  readonly hasDefault: boolean;
  /** Further settings that each store has. */
  readonly beside: { readonly settings: Settings; readonly read: (source: Source) => Read<Beside> };
}

/** Decodes a document of stores and of the organizations that have them. */
export const decodeStores = <Beside>(
  json: unknown,
  place: DocumentPlace<Beside>,
): Decoded<StoresDocument<Beside>> =>
  Result.flatMap(decodeOutline(json), () => {
    const faults: Array<MemberFault> = [];
    const collect = <Id, A>(
      section: string,
      read: (name: string, value: unknown) => Result.Result<readonly [Id, A], Faults>,
    ) => {
      // Not the decoded objects, in which `__proto__` is no member.
      const all = new Map<Id, A>();
      for (const [name, value] of membersOf(json, section)) {
        const one = read(name, value);
        if (Result.isFailure(one)) faults.push(...below([section, name], one.failure));
        else all.set(...one.success);
      }
      return all;
    };
    const stores = collect("stores", (name, members) => readStore(name, members as Members, place));
    // Also those at fault, so that no organization seems to name a store that is not there.
    const names = new Set([...(place.hasDefault ? [DEFAULT_STORE] : []), ...storeNames(json)]);
    const organizations = collect("organizations", (id, value) => readPlace(id, value, names));
    const shown = faults.slice(0, MOST_FAULTS);
    return Arr.isReadonlyArrayNonEmpty(shown)
      ? Result.fail(shown)
      : Result.succeed({ stores, organizations });
  });

/** Returns the names of the stores in a document. */
export const storeNames = (json: unknown): ReadonlyArray<string> =>
  membersOf(json, "stores").map(([name]) => name);

/** Returns the settings of one store of a document, whatever is wrong with others. */
export const sourceIn = (
  json: unknown,
  name: StoreName,
  place: Parameters<typeof sourceOf>[1],
): Result.Result<Source, Faults> =>
  Result.mapError(sourceOf(memberAt(json, ["stores", name]) as Members, place), (faults) =>
    below(["stores", name], faults),
  );

const membersOf = (json: unknown, name: string) => Object.entries(memberAt(json, [name]) ?? {});

const below = (path: ReadonlyArray<string>, faults: Faults) =>
  faults.map(({ pointer, reason }) => ({ pointer: `${toPointer(path)}${pointer}`, reason }));

const MOST_FAULTS = 20;

const AnyMembers = Schema.Record(Schema.String, Schema.Unknown);
const Outline = Schema.Struct({
  stores: Schema.Record(Schema.String, AnyMembers),
  organizations: Schema.optionalKey(AnyMembers),
});
const decodeOutline = decoder(Outline, Object.keys(Outline.fields));

type Members = typeof AnyMembers.Type;
type Faults = ReadonlyArray<MemberFault>;

const which: Setting<Adapter> = { ...adapter, option: "adapter", fallback: undefined };

function readStore<Beside>(
  name: string,
  members: Members,
  { env, publicUrl, hasDefault, beside }: DocumentPlace<Beside>,
): Result.Result<readonly [StoreName, NamedStore<Beside>], Faults> {
  if (!isStoreName(name)) return fail(NAME);
  if (name === DEFAULT_STORE && hasDefault) return fail(TWICE);
  return Result.flatMap(sourceOf(members, { env, beside: beside.settings }), (source) => {
    const { adapter, values } = source;
    return Result.map(
      inDocument(Result.all([STORES[adapter].read(source), beside.read(source)])),
      ([storageAt, beside]) => {
        const storage = { ...storageAt(publicUrl, pathOf(name)), adapter };
        const fingerprint = hash("sha256", JSON.stringify([...values]));
        return [name, { storage, beside, fingerprint }] as const;
      },
    );
  });
}

/** Makes a source of the members of a store, in which secrets are what they name. */
function sourceOf(
  members: Members,
  { env, beside }: { readonly env: Env; readonly beside: Settings },
) {
  const values = new Map(Object.entries(members));
  const source: Source = {
    // Of the environment, only the variables of clouds' own tools.
    valueOf: (setting) =>
      values.get(setting.variable === adapter.variable ? "adapter" : DOCUMENT.name(setting)) ??
      (OWN.test(setting.variable) ? undefined : env[setting.variable] || undefined),
    env,
    words: DOCUMENT,
  };
  const kind = inDocument(readSettings({ which }, source));
  if (Result.isFailure(kind)) return Result.fail<Faults>(kind.failure);
  const { which: chosen } = kind.success;
  const known = new Map(
    settingsIn({ which }, STORES[chosen].settings, beside).map((setting) => [
      DOCUMENT.name(setting),
      setting,
    ]),
  );
  const faults: Array<MemberFault> = [];
  for (const [member, value] of values) {
    const setting = known.get(member);
    const found = setting?.isSecret === true ? readSecret(value, env) : Result.succeed(value);
    const reason =
      setting === undefined
        ? `it is not a known member of ${chosen}; did you mean ${closest(member, [...known.keys()])}?`
        : Result.isFailure(found)
          ? found.failure
          : undefined;
    if (reason !== undefined) faults.push({ pointer: `/${member}`, reason });
    else values.set(member, Result.getOrUndefined(found));
  }
  return faults.length > 0
    ? Result.fail<Faults>(faults)
    : Result.succeed({ ...source, adapter: chosen, values });
}

const isStoreName = Schema.is(StoreName);
const NAME = "it is not named by 1 to 63 lower-case letters, digits and hyphens, a letter first";
const TWICE = "it is the store of STORAGE_ADAPTER too: unset that, or leave this out";
const OWN = /^(?:STORAGE|CDN)_/;

/** Names settings by their members. */
const inDocument = <A>(read: Read<A>): Result.Result<A, Faults> =>
  Result.mapError(read, (faults) =>
    faults.map(({ setting, problem }) => ({
      pointer: `/${DOCUMENT.name(setting)}`,
      reason: `it ${say(problem, DOCUMENT)}`,
    })),
  );

const decodeSecret = Schema.decodeUnknownOption(
  Schema.Union([
    Schema.Struct({ file: Schema.NonEmptyString }),
    Schema.Struct({ variable: Schema.NonEmptyString }),
  ]),
  { onExcessProperty: "error" },
);

function readSecret(value: unknown, env: Env): Result.Result<string, string> {
  const written = Option.getOrUndefined(decodeSecret(value));
  if (written === undefined) return Result.fail(NO_SECRET);
  if ("variable" in written) {
    const { variable } = written;
    return Result.fromNullishOr(
      env[variable] || undefined,
      () => `it names the variable ${variable}, which is not set`,
    );
  }
  return Result.mapBoth(readSmallFile(written.file), {
    onFailure: (problem) => `it names the file ${written.file}, which ${problem}`,
    onSuccess: (text) => text.replace(/\r?\n$/, ""),
  });
}

const NO_SECRET =
  'it is neither { "file": path } nor { "variable": name }: a secret is never in the document';

const decodePlace = Schema.decodeUnknownOption(
  Schema.Union([
    StoreName,
    Schema.Struct({ store: StoreName, from: Schema.optionalKey(StoreName) }),
  ]),
  { onExcessProperty: "error" },
);
const isId = Schema.is(OrganizationId);

function readPlace(
  id: string,
  value: unknown,
  names: ReadonlySet<string>,
): Result.Result<readonly [OrganizationId, Place], Faults> {
  if (!isId(id)) return fail("it is not the id of an organization");
  const decoded = Option.getOrUndefined(decodePlace(value));
  if (decoded === undefined) return fail(NO_PLACE);
  const place: Place = typeof decoded === "string" ? { store: decoded } : decoded;
  if (place.from === place.store) return fail(`it moves from ${place.store} to ${place.store}`);
  const missing = [place.store, place.from].find((name) => name !== undefined && !names.has(name));
  return missing === undefined
    ? Result.succeed([id, place])
    : fail(`it names the store ${missing}, which is not among "stores"`);
}

const fail = (reason: string) => Result.fail([{ pointer: "", reason }]);

const NO_PLACE = 'it is neither the name of a store nor { "store": name, "from": name }';
