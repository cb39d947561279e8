import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import type { S3Access } from "../../storage/rest/s3-access.ts";
import { asJson, type Output } from "../command/command.ts";
import type { StoreSettings } from "../../service/settings.ts";
import { runWithStore, s3Access } from "../command/with-store.ts";
import { policyFor, type PolicyForm } from "./documents.ts";
import type { Use } from "./policy.ts";

interface PolicyQuery {
  /** All three keys if undefined. */
  readonly use: Use | undefined;
  readonly users: Readonly<Record<"put" | "get" | "service", string | undefined>>;
}

export const runPolicy = (settings: StoreSettings, wish: PolicyQuery): Promise<Output> =>
  runWithStore(
    settings.storage,
    Effect.gen(function* () {
      return printed(yield* chooseForm(settings, yield* s3Access, wish), wish.use);
    }),
    "The policy cannot be printed",
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
  { users }: PolicyQuery,
) {
  const all = [...policies.values()];
  const { api = "local", name } = storage.bucket ?? {};
  return policyFor(s3?.provider ?? api, {
    bucket: name ?? "files",
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
