import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import { LinkNotFound } from "../domain/errors.ts";
import { Lifetime } from "../domain/lifetime.ts";
import { DEFAULT_POLICY, defaultPolicy } from "../domain/upload-policy.ts";
import { WINDOWS } from "./open-file.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";
import { openLink } from "./tokens.ts";

/**
 * A fresh signed GET for whoever holds a link, which ends with the link.
 *
 * Fails with `LinkNotFound`, for whatever reason it is not good, or `CredentialsUnavailable`.
 */
export const followLink = Effect.fnUntraced(function* (token: string) {
  const { key, fileName, mediaType, expiresAt } = yield* openLink(token);
  const left = Math.floor(
    (DateTime.toEpochMillis(expiresAt) - (yield* Clock.currentTimeMillis)) / 1000,
  );
  if (left < 1) return yield* new LinkNotFound();
  const { getLifetime, minLifetime } = (yield* Policies).get(DEFAULT_POLICY) ?? defaultPolicy;
  const lifetime = Lifetime.make(Duration.seconds(Math.min(left, Duration.toSeconds(getLifetime))));
  const window = Duration.seconds(Math.floor(Duration.toSeconds(lifetime) / WINDOWS));
  const get = yield* (yield* Presigner).get({
    key,
    lifetime,
    minLifetime,
    audience: "public",
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, fileName),
    window,
  });
  return { key, mediaType, get };
});
