import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { OrganizationId } from "../../../domain/organization.ts";
import { DEFAULT_STORE, StoreName } from "../../../domain/place.ts";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import { readOfStore, readStore, type StoreSettings } from "../../service/settings.ts";
import { readJsonFile } from "../../settings/json-file.ts";
import type { Env } from "../../settings/source.ts";
import { memberAt } from "../../values/decode.ts";
import { BucketCors } from "../../storage/bucket-cors.ts";
import type { KnownStorage } from "../../storage/storage.ts";
import { asJson, command, flag, option, ORIGIN_OPTION } from "../command/command.ts";
import { orFail } from "../command/configuration.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { print, printMessage } from "../command/output.ts";
import { printFinding } from "../doctor/command.ts";
import { runWithStore } from "../command/with-store.ts";
import { OURS, permissionsFor, PRINCIPAL_OPTION } from "../command/permissions.ts";
import { addStore, openDocument } from "./document.ts";

/** Adds a customer's bucket to the document of stores, once it was seen to work. */
export const attach = command({
  name: "store attach",
  summary: "Examine a customer's bucket, and give it to an organization in the document of STORES",
  options: {
    file: option("FILE", Schema.NonEmptyString, "the JSON of one store, as the document has it", {
      isArgument: true,
      isRequired: true,
    }),
    org: option("ID", OrganizationId, "the id of an organization, as in keys", {
      isRequired: true,
    }),
    name: option(
      "NAME",
      StoreName.check(Schema.makeFilter((name) => name !== DEFAULT_STORE)),
      "a name for the store: lower-case letters, digits and hyphens, and not default",
      {
        note: "made of the organization's id if left out",
      },
    ),
    ...PRINCIPAL_OPTION,
    ...ORIGIN_OPTION,
    accept: option("CHECK", Schema.NonEmptyString, "a check of the doctor that may fail", {
      note: "may be repeated",
      isRepeatable: true,
    }),
    secret: option("NAME", Schema.NonEmptyString, "a file or variable that FILE may name", {
      note: "may be repeated",
      isRepeatable: true,
    }),
    shared: flag("also a bucket that another organization has"),
    "allow-private": flag("also a store in this service's own network, or without TLS"),
  },
  run: async ({ file, org, name = nameFrom(org), principal = OURS, origin, ...flags }) => {
    const document = openDocument(process.env["STORES"]);
    const members = {
      ...readMembers(file, flags.secret ?? []),
      untrusted: true,
      ...(flags["allow-private"] && { allow_private: true }),
    };
    const entry = { store: name, org, members };
    const addTo = (current: unknown) => {
      const next = addStore(current, entry);
      const asRead: Env = { ...process.env, STORES: JSON.stringify(next) };
      const whole = orFail(readStore(asRead), "The store cannot be attached", asRead);
      const added = whole.several?.stores.get(name)?.storage;
      if (added === undefined) throw new Error(`the store ${name} was not read`);
      // After its adapter: a store that is refused anyway needs no bucket.
      if (!Object.hasOwn(members, "bucket")) throw unusable(file, "must name the bucket");
      if (flags.shared !== true) refuseShared(whole, { name, added });
      return { next, asRead, whole, added };
    };
    const { asRead, whole, added } = addTo(document.read());

    step(1, `What the owner of ${added.description} has to allow`);
    await printNeeds({ policies: whole.policies, storage: added }, { principal, origin });
    step(2, "Examining it");
    await requireHealthy(asRead, {
      name,
      origins: origin?.map((url) => url.origin) ?? [],
      accepted: flags.accept ?? [],
    });
    step(3, "Trying what every store must keep");
    await requireKept(asRead, name);
    step(4, `Writing the store ${name} and the organization ${org} into ${document.path}`);
    // Others may have written meanwhile.
    document.change((current) => addTo(current).next);
    return { message: `${org} has the store ${name}: a running service reads it within seconds.` };
  },
});

const step = (number: number, what: string) => printMessage(`${number}/4 ${what}\n`);

/** Makes a name of an id, which may have other characters. */
function nameFrom(org: string): StoreName {
  const name = org.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  const isName = /^[a-z]/.test(name) && name !== DEFAULT_STORE;
  return StoreName.make((isName ? name : `org-${name}`).slice(0, 63));
}

function readMembers(
  file: string,
  secrets: ReadonlyArray<string>,
): Readonly<Record<string, unknown>> {
  const read = Result.flatMap(readJsonFile(file), (json) =>
    Result.fromOption(decodeMembers(json), () => "is no JSON object"),
  );
  const failure = (problem: string) => unusable(file, problem);
  const members = Result.getOrThrowWith(read, failure);
  // The file may come from the customer.
  const own = ["untrusted", "allow_private", "create_bucket"].find((name) =>
    Object.hasOwn(members, name),
  );
  if (own !== undefined) throw failure(`must not have ${own}, which is not for its author to say`);
  const unsaid = namedIn(members).filter((name) => !secrets.includes(name));
  if (unsaid.length > 0) {
    const given = unsaid.map((name) => `--secret ${name}`).join(" ");
    throw failure(`names what this machine keeps; give ${given} if that is for this store alone`);
  }
  return members;
}

const unusable = (file: string, problem: string) =>
  new CommandFailure({ code: EXIT.noInput, message: `The file ${file} ${problem}.` });

/** Members that are paths of files. */
const PATHS = new Set(["credentials_file", "certificate", "google_application_credentials"]);

/**
 * Returns the files and variables that members name. What is in them is sent to the customer's
 * server, such as a session token, or signs what it gets.
 */
const namedIn = (members: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  Object.entries(members).flatMap(([member, value]) =>
    typeof value === "string"
      ? PATHS.has(member)
        ? [value]
        : []
      : ["file", "variable"].flatMap((form) => {
          const name = memberAt(value, [form]);
          return typeof name === "string" ? [name] : [];
        }),
  );

const decodeMembers = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown));

const placeOf = ({ description }: KnownStorage) => description.replace(/, certified on .*/, "");

/** Two organizations in one bucket could be one customer who names the bucket of another. */
function refuseShared(
  { several, storage }: StoreSettings,
  { name, added }: { readonly name: string; readonly added: KnownStorage },
) {
  const others = [...(several?.stores ?? [])].flatMap(([other, { storage }]) =>
    other !== name && placeOf(storage) === placeOf(added) ? [other as string] : [],
  );
  if (placeOf(storage) === placeOf(added)) others.push("default");
  const [other] = others;
  if (other === undefined) return;
  const users = [...(several?.organizations ?? [])].flatMap(([id, { store, from }]) =>
    store === other || from === other ? [id] : [],
  );
  const whose = users.length > 0 ? `, of ${users.slice(0, 3).join(", ")},` : "";
  throw new CommandFailure({
    code: EXIT.failure,
    message: `The store ${other}${whose} has this bucket already: place the organization there, or give --shared.`,
  });
}

async function printNeeds(
  store: Pick<StoreSettings, "policies" | "storage">,
  {
    principal,
    origin,
  }: { readonly principal: string; readonly origin: ReadonlyArray<URL> | undefined },
) {
  const { storage } = store;
  const trust = (await storage.byHand()).trust?.(principal);
  if (trust !== undefined) say(trust.document, trust.command);
  // For every policy, so that the owner is not asked again when one is changed.
  const { all, each, command } = await permissionsFor(store, {}, [KEY_PREFIX, INCOMING_PREFIX]);
  const keys = each && { put: each.put, get: each.get, service: each.service };
  say(all ?? keys, command("KEY"));
  if (origin === undefined) return;
  const rules = Effect.map(Effect.serviceOption(BucketCors), Option.getOrUndefined);
  const cors = await runWithStore(storage, rules, "The rule for pages is not known");
  if (cors !== undefined)
    print(`${cors.rule(origin.map((url) => url.origin))}To set it: ${cors.byHand}.\n\n`);
}

const say = (document: object | undefined, byHand: string) =>
  print(`${document === undefined ? "" : asJson(document)}To set it: ${byHand}.\n\n`);

async function requireHealthy(
  env: Env,
  {
    accepted,
    ...store
  }: Readonly<Record<"origins" | "accepted", ReadonlyArray<string>>> & {
    readonly name: StoreName;
  },
) {
  const { runDoctor } = await import("../doctor/run.ts");
  const { findings } = await runDoctor(env, {
    ...store,
    mayLeave: false,
    onStart: () => undefined,
    tell: printFinding,
  });
  const failed = findings.flatMap(({ check, verdict }) =>
    verdict === "failed" && !accepted.includes(check) ? [check] : [],
  );
  if (failed.length > 0) throw unattached(`what failed is ${failed.join(", ")}`);
}

/** Tries what every store must keep, in a minute; `valetkey certify` tries the rest. */
async function requireKept(env: Env, name: StoreName) {
  const { whatIsBroken } = await import("../certify/what-is-broken.ts");
  const { certifiedStore } = await import("../certify/certified-store.ts");
  const read = readOfStore(env, (source) => certifiedStore(source), name);
  const store = orFail(read, "The store cannot be attached", env);
  const broken = await whatIsBroken(store);
  if (broken !== undefined) throw unattached(broken);
}

const unattached = (why: string) =>
  new CommandFailure({
    code: EXIT.failure,
    message: `The store was not attached, and the document is as it was: ${why}.`,
  });
