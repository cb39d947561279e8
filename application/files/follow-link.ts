import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { LinkNotFound } from "../../domain/errors.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { type Link, linkEnd } from "../../domain/link.ts";
import { parse } from "../../domain/storage-key.ts";
import { getRequest } from "./get-request.ts";
import { isGone, WINDOWS } from "./open-file.ts";
import type { RecordFacts } from "../ports/audit.ts";
import { Policies } from "../ports/policies.ts";
import { checkWidth, showFile, type Shown } from "./show-file.ts";
import { inStoreOf, isElsewhere } from "../store/in-store.ts";
import { openLink } from "../tokens.ts";

/**
 * Signs a GET for the holder of a link; it expires with the link. The policy's present rules for
 * links apply, not only those at the time the link was made.
 */
export const followLink = Effect.fnUntraced(function* (
  token: string,
  shown: Shown = {},
  recordFacts?: RecordFacts,
) {
  const link = yield* openLink(token);
  const { key, contentType, policy, store: hint } = link;
  recordFacts?.({ key, contentType, policy });
  const { organization } = Option.getOrThrow(parse(key));
  return yield* inStoreOf({ organization, hint }, openLinked(link, shown));
});

const openLinked = Effect.fnUntraced(function* (link: Link, shown: Shown) {
  const { key, policy: name } = link;
  const policy = (yield* Policies).get(name);
  const end = linkEnd(link, policy?.linkLifetime);
  if (policy === undefined || end === undefined) return yield* new LinkNotFound();
  yield* checkWidth(shown.width, policy.images);
  if (yield* isGone(key)) return yield* new LinkNotFound();
  const left = Math.floor((DateTime.toEpochMillis(end) - (yield* Clock.currentTimeMillis)) / 1000);
  if (left < 1) return yield* new LinkNotFound();
  const { getLifetime, minLifetime } = policy;
  const lifetime = Lifetime.make(Duration.seconds(Math.min(left, Duration.toSeconds(getLifetime))));
  const window = Duration.seconds(Math.floor(Duration.toSeconds(lifetime) / WINDOWS));
  const version = (yield* isElsewhere(link)) ? undefined : link.version;
  const request = getRequest(
    { ...link, version },
    { getLifetime: lifetime, minLifetime, inlinePdf: false },
    "public",
  );
  const get = yield* showFile({ ...request, window }, shown);
  return { key, policy: name, get };
});
