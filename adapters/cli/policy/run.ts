import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { isDeepStrictEqual } from "node:util";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { asService, type S3Access } from "../../storage/rest/s3-access.ts";
import { type Answer, signedFetch } from "../../storage/rest/signed-fetch.ts";
import { asJson, type Output } from "../command.ts";
import type { StoreSettings } from "../settings.ts";
import { runWithStore, s3Access } from "../with-store.ts";
import { isOurs } from "./bucket-policy.ts";
import { policyFor, type PolicyForm } from "./documents.ts";
import type { Policy, Statement, Use } from "./policy.ts";

interface Wish {
  readonly apply: boolean;
  /** All three keys if undefined. */
  readonly use: Use | undefined;
  readonly users: Readonly<Record<"put" | "get" | "service", string | undefined>>;
  /** Permission to take from users what our statements allowed them so far. */
  readonly replace: boolean;
}

export const runPolicy = (settings: StoreSettings, wish: Wish): Promise<Output> =>
  runWithStore(
    settings.storage,
    Effect.gen(function* () {
      const s3 = yield* s3Access;
      const form = yield* chooseForm(settings, s3, wish);
      if (!wish.apply) return printed(form, wish.use);
      const { use = "KEY", replace } = wish;
      if (form.kind !== "bucket" || s3 === undefined) {
        return yield* Effect.fail(
          `users of this store have policies of their own, which only its own tools set: ${form.byHand(use)}`,
        );
      }
      const added = yield* mergeInto(s3, form.document, replace);
      return {
        message: added
          ? "The policy of the bucket was set; statements of others are as they were."
          : "The bucket has the policy already.",
      };
    }),
    "The policy was not set",
  );

function printed(form: PolicyForm, use: Use | undefined): Output {
  const byHand = form.byHand(use ?? "KEY");
  if (form.kind === "none") return { message: `${byHand}.` };
  if (form.kind === "bucket") {
    return { result: asJson(form.document), message: `To set it: ${byHand}.` };
  }
  const { put, get, service } = form.documents;
  return use === undefined
    ? { result: asJson({ put, get, service }), message: `For each: ${byHand}.` }
    : { result: asJson(form.documents[use]), message: `To set it: ${byHand}.` };
}

type Access = S3Access["Service"];

const chooseForm = Effect.fnUntraced(function* (
  { policies, storage }: StoreSettings,
  s3: Access | undefined,
  { users }: Wish,
) {
  const all = [...policies.values()];
  const other = storage.fetch === undefined ? "gcs" : "local";
  return policyFor(s3?.provider ?? other, {
    bucket: s3?.bucket ?? process.env["STORAGE_BUCKET"] ?? "files",
    arrivals: [
      ...(all.some(({ arrival }) => arrival === "direct") ? [KEY_PREFIX] : []),
      ...(all.some(({ arrival }) => arrival === "incoming") ? [INCOMING_PREFIX] : []),
    ],
    longestPut: Math.max(...all.map(({ putLifetime }) => Duration.toMillis(putLifetime))),
    users: {
      put: users.put ?? (yield* configuredUser(s3, "put")),
      get: users.get ?? (yield* configuredUser(s3, "get")),
      service: users.service ?? (yield* configuredUser(s3, "service")),
    },
  });
});

/** The access key is the user's name on versitygw; elsewhere it is not. */
const configuredUser = Effect.fnUntraced(
  function* (s3: Access | undefined, use: keyof Access["signers"]) {
    if (s3?.provider !== "versitygw") return `valetkey-${use}`;
    const now = yield* Clock.currentTimeMillis;
    const own = yield* s3.signers[use](now, 0);
    const main = yield* s3.signers.service(now, 0);
    return own === main && use !== "service" ? `valetkey-${use}` : own.keys.accessKey;
  },
  Effect.orElseSucceed(() => "valetkey"),
);

const QUERY = [["policy", ""]] as const;

/** Returns true if anything was changed. Statements of others are kept, or nothing is changed. */
const mergeInto = Effect.fnUntraced(function* (
  s3: Access,
  { Version, Statement }: Policy,
  replace: boolean,
) {
  const bucket = asService(s3);
  const read = Effect.gen(function* () {
    const answer = yield* signedFetch(bucket, { method: "GET", query: QUERY });
    if (answer.ok) return JSON.parse(answer.text) as Policy;
    if (refusalIn(answer).code === "NoSuchBucketPolicy") return { Version, Statement: [] };
    return yield* Effect.fail(refused("read", answer));
  });
  const write = Effect.fnUntraced(function* (policy: Policy) {
    const answer = yield* signedFetch(
      bucket,
      policy.Statement.length === 0
        ? { method: "DELETE", query: QUERY }
        : { method: "PUT", query: QUERY, body: JSON.stringify(policy) },
    );
    if (!answer.ok) yield* Effect.fail(refused("written", answer));
  });
  const before = yield* read;
  const users = new Set(Statement.flatMap(usersIn));
  // Statements for the users of another deployment stay beside these.
  const own = before.Statement.filter(
    (each) => isOurs(each) && usersIn(each).every((user) => users.has(user)),
  );
  const others = before.Statement.filter((each) => !own.includes(each));
  if (isDeepStrictEqual(own, Statement)) return false;
  const known = new Set(own.flatMap(usersIn));
  const isNew = (each: Statement) => usersIn(each).every((user) => !known.has(user));
  const isChanged =
    !own.every(isIn(Statement)) || !Statement.filter((each) => !isIn(own)(each)).every(isNew);
  if (isChanged && !replace) {
    return yield* Effect.fail(
      `${[...known].join(", ")} may do other things by statements of Valetkey, perhaps for another deployment; name other users, or set these statements with --replace`,
    );
  }
  const wanted = [...others, ...Statement];
  yield* write({ ...before, Statement: wanted });
  const after = yield* read;
  if (isDeepStrictEqual(after.Statement, wanted)) return true;
  yield* write(before);
  return yield* Effect.fail(
    "the store did not keep the statements, or changed those of others in the bucket's policy; it is as it was before",
  );
});

const isIn = (all: ReadonlyArray<Statement>) => (one: Statement) =>
  all.some((each) => isDeepStrictEqual(each, one));

const usersIn = ({ Principal }: Statement): ReadonlyArray<string> =>
  typeof Principal === "object" && Principal !== null && "AWS" in Principal
    ? [Principal.AWS].flat().map(String)
    : [];

const refused = (what: "read" | "written", answer: Answer) => {
  const { code = "", message = "" } = refusalIn(answer);
  const advice =
    answer.status === 403
      ? "; run the command with the key of the bucket's owner"
      : /principal/i.test(message)
        ? "; make the users first, or name those that there are with --put-user, --get-user and --service-user"
        : "";
  return `the bucket's policy could not be ${what}: ${answer.status} ${code}${message && ` (${message.slice(0, 200)})`}${advice}`;
};
