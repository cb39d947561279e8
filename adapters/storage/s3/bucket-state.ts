import * as Effect from "effect/Effect";
import { cachedFor } from "../../../application/resilience/cached.ts";
import type { ObjectFacts } from "../../../domain/upload-difference.ts";
import type { Ability } from "../../../application/ports/abilities.ts";
import type { BoundTo } from "../known.ts";
import type { Provider } from "./providers.ts";
import { type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { isWhole } from "../rest/xml.ts";

const NOT_UNDERSTOOD = unavailable(
  "uploads are not written once: the answer to whether the bucket keeps versions is not from a store",
  "senseless",
);

/** Abilities that may depend on the bucket's versions, and the effect of their lack. */
const LOST = new Map<Ability, string>([
  ["write-once", "uploads are not written once, and final only when their URL has expired"],
  ["completes once", "files of parts are final only when the URLs of their upload have expired"],
  ["copies once", "files of uploads below incoming/ are final only when their URL has expired"],
  ["copies", "no upload below incoming/ becomes a file"],
]);

export type WatchedBucket = Effect.Success<ReturnType<typeof watchBucket>>;

/**
 * Watches whether the bucket is in the state in which the provider's abilities were proved. Waits 2
 * seconds for that; while it is unknown, no ability that depends on it is promised.
 */
export const watchBucket = Effect.fnUntraced(function* (
  bucket: Bucket,
  { title, abilities: all, boundTo }: Pick<Provider, "title" | "abilities" | "boundTo">,
  certifiedOn?: string,
) {
  const lost = [...LOST].filter(([ability]) => boundTo?.abilities.has(ability));
  if (boundTo === undefined || lost.length === 0) {
    return {
      abilities: all,
      check: undefined,
      settle: Effect.void,
      renew: Effect.void,
      mayCopy: Effect.void,
      judge: Effect.succeed<ObjectFacts>,
    };
  }
  const abilities = new Set(all);
  let seen: BoundTo["versions"] | undefined;
  const see = (state: typeof seen) => {
    seen = state;
    for (const [ability] of lost) {
      if (state === boundTo.versions && all.has(ability)) abilities.add(ability);
      else abilities.delete(ability);
    }
  };
  see(undefined);
  const look = Effect.gen(function* () {
    const query = [["versioning", ""]] as const;
    const { ok, status, text } = yield* signedFetch(bucket, { method: "GET", query });
    if (ok && !isWhole(text, "VersioningConfiguration")) return yield* NOT_UNDERSTOOD;
    // Without an answer the last one counts, since uploads fail as well.
    if (ok) see(text.includes("<Status>Enabled</Status>") ? "kept" : "none");
    else see(NOT_OFFERED.has(status) ? "unknown" : undefined);
    if (seen === boundTo.versions) return;
    const isCertified = certifiedOn !== undefined;
    const proof = isCertified ? `was certified on ${certifiedOn}` : "was seen to hold that";
    const [now, remedy] =
      seen === undefined
        ? [`it is unknown whether this one does (${status})`, ALLOW]
        : [`this one ${STATES[seen]}`, isCertified ? AGAIN : SUSPEND];
    const effects = lost.map(([, effect]) => effect).join(", and ");
    return yield* unavailable(
      `${effects}: ${title} ${proof} in a bucket that ${STATES[boundTo.versions]}, and ${now}; ${remedy}`,
    );
  });
  const settle = Effect.suspend(() => (seen === undefined ? Effect.ignore(look) : Effect.void));
  yield* Effect.timeoutOption(settle, "2 seconds");
  // Otherwise a file would be called final by a state of minutes ago.
  const renew = yield* cachedFor(Effect.ignore(look), "5 seconds");
  return {
    abilities,
    check: look,
    settle,
    /** Looks again, unless that was done in the last seconds. */
    renew,
    /** Fails in a bucket in which a copy could have other bytes, or replace a file. */
    mayCopy: boundTo.abilities.has("copies") ? look : Effect.void,
    judge: Effect.fnUntraced(function* (facts: ObjectFacts) {
      if (facts.version !== undefined && boundTo.versions !== "kept") see("kept");
      else yield* renew;
      const isReplaceable = boundTo.abilities.has("write-once") && seen !== boundTo.versions;
      return { ...facts, isReplaceable } satisfies ObjectFacts;
    }),
  };
});

/** Stores without versions may not answer the question. */
const NOT_OFFERED = new Set([400, 405, 501]);

const STATES: Readonly<Record<BoundTo["versions"], string>> = {
  none: "keeps no versions",
  kept: "keeps versions",
  unknown: "does not say whether it keeps versions",
};

const ALLOW = "allow the service's key s3:GetBucketVersioning";
const SUSPEND = "suspend its versions, or use another bucket";
const AGAIN = "certify it again: `valetkey certify --output certificate.json`";
