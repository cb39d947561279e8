import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { KEY_PREFIX, type ObjectKey } from "../../../domain/storage-key.ts";
import { VARIABLES } from "../../settings/source.ts";
import { always, current, hold } from "../credentials/held.ts";
import { separateKeySettings } from "../credentials/key-settings.ts";
import { provider as providerSetting, providerIn } from "./provider.ts";
import { type Provider, PROVIDERS } from "./providers.ts";
import { refusalIn, refused } from "../rest/refusal-reason.ts";
import type { S3Access } from "./access.ts";
import type { S3Settings } from "./settings.ts";
import { type Bucket, signedFetch } from "../rest/signed-fetch.ts";
import { textIn, unescape } from "../rest/xml.ts";

/**
 * Returns the key that signs uploads. If a store may obey unsigned headers, an upload can be a copy
 * of any file that its key may read. There, a separate key signs only once it was shown to read
 * nothing, and the service's key only once the server was shown to need no separate one.
 */
export const uploadSigner = Effect.fnUntraced(function* (
  settings: S3Settings,
  signers: S3Access["Service"]["signers"],
  service: Bucket,
) {
  const { provider: name, words = VARIABLES } = settings;
  const { absent, unsigned, title }: Provider = PROVIDERS[name];
  const isShared = signers.put === signers.service;
  const isForbidden = absent !== undefined || unsigned === "refused";
  if (isForbidden || (isShared && name !== "s3")) return signers.put;
  const key = words.name(separateKeySettings.putAccessKey);
  const tried = Effect.gen(function* () {
    const signer = yield* current(signers.put);
    const listed = yield* signedFetch(service, { method: "GET", query: ONE_FILE });
    if (isShared) {
      const server = providerIn(listed.headers) ?? name;
      const { needsPutKey, title }: Provider = PROVIDERS[server];
      if (needsPutKey === undefined) return signer;
      return yield* unsafe(
        `the store is ${title}, where an upload URL reads every file that its key can read; set ${words.assign(providerSetting, server)}, and ${key} to a key that may only put (${needsPutKey})`,
      );
    }
    if (!listed.ok) return yield* refused(settings, refusalIn(listed));
    const file = unescape(textIn(listed.text, "Key") ?? `${KEY_PREFIX}none`) as ObjectKey;
    const bucket = { ...service, signer: always(signer) };
    const { ok, status } = yield* signedFetch(bucket, { method: "HEAD", key: file });
    if (!ok && status !== 404) return signer;
    return yield* unsafe(
      `the key for uploads (${key}) may read, so on ${title} an upload could be a copy of any file; take from it all but the right to put`,
    );
  });
  const awaited = isShared
    ? "the store to say which server it is"
    : "the store to show that the key for uploads reads nothing";
  const remedy =
    name === "s3"
      ? `; to sign without waiting, set ${words.name(providerSetting)} to the server's name`
      : "";
  return yield* hold(
    Effect.catchTag(tried, "StoreUnavailable", ({ reason }) =>
      Effect.fail(
        new CredentialsUnavailable({
          reason: `signing of uploads waits for ${awaited} (${reason})${remedy}`,
        }),
      ),
    ),
  );
});

const ONE_FILE = [
  ["max-keys", "1"],
  ["prefix", KEY_PREFIX],
] as const;

const unsafe = (reason: string) =>
  Effect.fail(new CredentialsUnavailable({ reason, isFinal: true }));
