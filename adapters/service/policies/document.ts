import * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import { identity } from "effect/Function";
import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import {
  abilitiesWithout,
  type Ability,
  putChecksums,
} from "../../../application/ports/abilities.ts";
import { sizeInWords } from "../../../domain/byte-size.ts";
import { CONFIRM_GRACE } from "../../../domain/receipt.ts";
import { SHORTEST_CREDENTIALS } from "../../../domain/credentials-grant.ts";
import { isExecutable, type MediaType } from "../../../domain/media-type.ts";
import {
  DEFAULT_TEMPLATE,
  hasPublicFolder,
  isPublicTemplate,
  KeyTemplate,
  PUBLIC_TEMPLATE,
} from "../../../domain/storage-key.ts";
import { DEFAULT_POLICY, PolicyName, UploadPolicy } from "../../../domain/upload-policy.ts";
import type { Storage } from "../../storage/storage.ts";
import { type Decoded, decoder, memberAt } from "../../values/decode.ts";
import { camelCase, snakeCase } from "../../values/names.ts";

type Spelling = "document" | "option";

const SPELLINGS: Readonly<Record<Spelling, (member: string) => string>> = {
  document: snakeCase,
  option: identity,
};

/** The members of a store that policies depend on. */
export type PolicyStore = Pick<Storage, "abilities" | "limits" | "unproved" | "signsByCalls"> & {
  /** True if tokens of callers say that it is their store. */
  readonly isPlacedByClaim?: boolean;
};

/** Stands in for a store with invalid settings, so that policies are still read. */
export const ANY_STORE: PolicyStore = {
  abilities: abilitiesWithout(),
  limits: { largestPut: Infinity },
};

/** Returns the store as it is behind a CDN, if there is one: public files need no signature of it. */
export const withCdn = (store: PolicyStore, cdnUrl: unknown): PolicyStore =>
  cdnUrl === undefined ? store : { ...store, signsByCalls: false };

interface Place {
  readonly store: PolicyStore;
  readonly spelling: Spelling;
  readonly hasClamd: boolean;
}

/**
 * Reads all policies of a document. Members that one omits are as in the document's `files`, or
 * else in `files` here. Fails with what the store cannot enforce.
 */
export const completePolicies = (
  document: unknown,
  { files, ...place }: { readonly files: UploadPolicy } & Place,
): Decoded<ReadonlyMap<string, UploadPolicy>> =>
  Result.flatMap(decodePolicies(document, place.spelling), (policies) => {
    const base = inherit(files, policies[DEFAULT_POLICY]);
    const complete = {
      [DEFAULT_POLICY]: base,
      ...Record.map(policies, (policy) => inherit(base, policy)),
    };
    const faults = Object.entries(complete).flatMap(([name, policy]) =>
      brokenRules(name, policy, place),
    );
    return Arr.isReadonlyArrayNonEmpty(faults)
      ? Result.fail(faults)
      : Result.succeed(new Map(Object.entries(complete)));
  });

const brokenRules = (name: string, policy: UploadPolicy, place: Place) =>
  rules(policy, place)
    .filter(([, isBroken]) => isBroken)
    .map(([member, , reason]) => ({
      pointer: `/${name}/${SPELLINGS[place.spelling](member)}`,
      reason,
    }));

/**
 * Returns the policies as one of several stores keeps them, and why it does not keep others. Those
 * are for no caller, and still rule files that came otherwise, such as by a move.
 */
export function keptPolicies(policies: ReadonlyMap<string, UploadPolicy>, place: Place) {
  const broken = new Map(
    [...policies].map(([name, policy]) => [name, brokenRules(name, policy, place)]),
  );
  const kept = [...policies].map(([name, policy]): [string, UploadPolicy] => [
    name,
    broken.get(name)?.length === 0 ? policy : { ...policy, callers: [], public: false },
  ]);
  return { policies: new Map(kept), faults: [...broken.values()].flat() };
}

/** Adds what a policy leaves out; a public one has other folders, and fewer types. */
function inherit(from: UploadPolicy, written: Partial<UploadPolicy> = {}): UploadPolicy {
  const inherited = { ...from, ...written };
  const key = inherited.public ? PUBLIC_KEYS : DEFAULT_KEYS;
  const harmless = from.allowedTypes.filter((type) => !isExecuted(type));
  return {
    ...inherited,
    ...(inherited.public !== from.public && { key }),
    // Without any, the rules below refuse those that it would inherit.
    ...(inherited.public && harmless.length > 0 && { allowedTypes: harmless }),
    ...written,
  };
}

const decodeKey = Schema.decodeSync(KeyTemplate);
const [PUBLIC_KEYS, DEFAULT_KEYS] = [decodeKey(PUBLIC_TEMPLATE), decodeKey(DEFAULT_TEMPLATE)];

const isExecuted = (type: string) => isExecutable(type as MediaType);

export const decodePolicies = (
  document: unknown,
  spelling: Spelling,
): Decoded<Readonly<Record<string, Partial<UploadPolicy>>>> =>
  Result.flatMap(DECODERS[spelling](document), (policies) => {
    const misnamed = Object.keys(policies).find((name) => !isPolicyName(name));
    if (misnamed !== undefined) return Result.fail([{ pointer: `/${misnamed}`, reason: NAME }]);
    return Result.succeed(
      Record.map(policies, (policy, name) =>
        Record.mapKeys(
          Record.filter(policy, (_, member) => memberAt(document, [name, member]) !== undefined),
          camelCase,
        ),
      ),
    );
  });

const NAME = "it is not named by 1 to 63 lower-case letters, digits and hyphens";
const isPolicyName = Schema.is(PolicyName);

const DECODERS = Record.map(SPELLINGS, (spell) => {
  const members = Record.mapKeys(UploadPolicy.fields, spell);
  const policies = Schema.Record(Schema.String, Schema.Struct(members));
  return decoder(policies, Object.keys(members), 2);
});

/** Returns the limit of a store that this size exceeds, and the reason for it. */
export function sizeLimit(size: number, { abilities, limits }: PolicyStore) {
  const { largestPut, largestMultipart = 0 } = limits;
  const inParts = abilities.has("multipart");
  const most = inParts ? Math.max(largestPut, largestMultipart) : largestPut;
  if (size <= most) return undefined;
  if (inParts) return { most, why: "this store takes no larger files" };
  return { most, why: "a single PUT to this store carries no more" };
}

const CERTIFY = "run `valetkey certify --output certificate.json`, and set";
const TO_PROVE: Readonly<Record<Spelling, string>> = {
  document: `${CERTIFY} STORAGE_CERTIFICATE=certificate.json`,
  option: `${CERTIFY} certificate: "certificate.json"`,
};

const DAY = 24 * 60 * 60;

/** `MaxFileSize`, clamd.conf(5). */
const LARGEST_SCAN = 2 ** 31 - 1;

/** Returns rules that the store cannot enforce, or that contradict each other. */
function rules(
  policy: UploadPolicy,
  { store, spelling, hasClamd }: Place,
): ReadonlyArray<readonly [keyof UploadPolicy, isBroken: boolean, reason: string]> {
  const { maxSize, putLifetime, writeOnce, requireChecksum, onMismatch, unconfirmedAfter, scan } =
    policy;
  const has = (ability: Ability) => store.abilities.has(ability);
  const isIncoming = policy.arrival === "incoming";
  const limit = sizeLimit(maxSize, store);
  const executed = policy.public ? policy.allowedTypes.filter(isExecuted) : [];
  const latest = Duration.toSeconds(Duration.sum(putLifetime, CONFIRM_GRACE));
  const unproved = store.unproved ? `: ${store.unproved}; ${TO_PROVE[spelling]}` : "";
  return [
    [
      "key",
      policy.public && !isPublicTemplate(policy.key),
      "it does not begin with orgs/{organization}/public/, and the policy is public",
    ],
    [
      "key",
      !policy.public && hasPublicFolder(policy.key),
      "it has the folder public, in which everybody can read, and the policy is not public",
    ],
    [
      "allowedTypes",
      executed.length > 0,
      `it has ${executed.join(", ")}, which browsers execute, and the policy is public`,
    ],
    [
      "public",
      policy.public && !isIncoming && !has("bound type"),
      "it is true, and needs arrival incoming: this store takes other types than were granted",
    ],
    [
      "public",
      policy.public && store.signsByCalls === true,
      "it is true, and every stranger's request would be a call to IAM: give the service a key that signs, or set CDN_URL, in the package cdnUrl",
    ],
    [
      "public",
      policy.public && store.isPlacedByClaim === true,
      "it is true, and strangers, who read public files, have no claim JWT_STORE_CLAIM: say in STORES or by ORGANIZATIONS_URL where organizations are",
    ],
    [
      "maxSize",
      limit !== undefined,
      `it is more than ${sizeInWords(limit?.most ?? 0)}: ${limit?.why}`,
    ],
    [
      "writeOnce",
      writeOnce && !has("write-once") && has("repeated PUT"),
      `it is true, and this store cannot enforce it${unproved}`,
    ],
    [
      "requireChecksum",
      requireChecksum && putChecksums(store.abilities).length === 0,
      `it is true, and this store verifies none${unproved}`,
    ],
    [
      "arrival",
      isIncoming && !has("copies"),
      `it is incoming, and this store is not known to copy exactly what was looked at, so a confirmed file could be another${unproved}`,
    ],
    [
      "announce",
      policy.announce && !isIncoming,
      "it is true, and needs arrival incoming: else every download would carry the grant",
    ],
    [
      "scan",
      scan !== "none" && !(isIncoming && writeOnce),
      `it is set, and needs arrival incoming, and ${SPELLINGS[spelling]("writeOnce")}: what was scanned could be replaced by other bytes of the same ETag`,
    ],
    [
      "scan",
      scan === "clamd" && !hasClamd,
      "it is clamd; set CLAMD_ADDRESS, in the package clamdAddress",
    ],
    [
      "scan",
      scan === "tags" && !has("scan tags"),
      "it is tags, and with this store an upload could set them, or nobody does",
    ],
    [
      "maxSize",
      scan === "clamd" && maxSize > LARGEST_SCAN,
      `it is more than the ${sizeInWords(LARGEST_SCAN)} that clamd scans`,
    ],
    [
      "onMismatch",
      onMismatch === "delete" && !isIncoming && !has("versions"),
      "it is delete, and this store cannot remove exactly what was looked at",
    ],
    [
      "credentials",
      policy.credentials && !isIncoming,
      'it is true, and needs arrival "incoming": nobody may read what was not confirmed',
    ],
    [
      "credentials",
      policy.credentials && (policy.announce || policy.public || requireChecksum),
      `it is true, and tools send neither grants nor granted checksums: leave out announce, public and ${SPELLINGS[spelling]("requireChecksum")}`,
    ],
    [
      "credentials",
      policy.credentials && !has("scoped credentials"),
      `it is true, and this store is not known to give out credentials that reach one prefix alone${unproved || ": leave it out, or see for which keys and stores it works in docs/temporary-credentials.md"}`,
    ],
    [
      "putLifetime",
      policy.credentials && Duration.isLessThan(putLifetime, SHORTEST_CREDENTIALS),
      "it is less than 15 minutes, the shortest life of credentials",
    ],
    [
      "unconfirmedAfter",
      unconfirmedAfter !== undefined && !isIncoming,
      'it is set, and needs arrival "incoming", since a file is never removed by its age',
    ],
    [
      "unconfirmedAfter",
      unconfirmedAfter !== undefined && unconfirmedAfter * DAY <= latest,
      "it is not longer than an upload can take, with the day in which it can be confirmed",
    ],
  ];
}
