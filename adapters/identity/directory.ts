import * as Cache from "effect/Cache";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as Semaphore from "effect/Semaphore";
import { IdentityUnavailable } from "../../application/ports/authenticator.ts";
import type { Organizations } from "../../application/ports/organizations.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { idFor, NOT_FOUND } from "./organizations.ts";
import { fetchJson } from "./fetch-json.ts";

/** Where organizations are looked up, and what lets us in there. */
export interface DirectorySettings {
  readonly url: URL;
  readonly token?: Redacted.Redacted | undefined;
}

/** How many questions are asked at a time; names can be made up faster than they are answered. */
const AT_ONCE = 32;

/** How many answers are kept. */
const CAPACITY = 10_000;

const Answer = Schema.Struct({ id: OrganizationId });
const decode = Schema.decodeUnknownOption(Answer);

/**
 * Organizations of an HTTP service: `GET url?slug=…&subject=…` answers 200 with `{"id": …}` for
 * those who belong to it, and 404 for all others. Answers are kept for a minute, and a failure
 * for a second; one that does not come within 2 seconds is a failure.
 */
export const ofDirectory = ({ url, token }: DirectorySettings) =>
  Effect.gen(function* () {
    const oneOfFew = (yield* Semaphore.make(AT_ONCE)).withPermit;
    const headers: Record<string, string> =
      token === undefined ? {} : { Authorization: `Bearer ${Redacted.value(token)}` };
    const lookUp = (
      name: string,
    ): Effect.Effect<Option.Option<OrganizationId>, IdentityUnavailable> => {
      const [slug = "", subject = ""] = JSON.parse(name) as ReadonlyArray<string>;
      const address = new URL(url);
      address.searchParams.set("slug", slug);
      address.searchParams.set("subject", subject);
      return Effect.flatMap(
        oneOfFew(fetchJson(address, { headers, patience: "2 seconds" })),
        (answer) => {
          if (answer.status === 404) return Effect.succeedNone;
          const decoded = answer.status === 200 ? decode(answer.body) : Option.none();
          return Option.isSome(decoded)
            ? Effect.succeed(Option.some(decoded.value.id))
            : Effect.fail(senseless(answer.status));
        },
      );
    };
    const cache = yield* Cache.makeWith(lookUp, {
      capacity: CAPACITY,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.minutes(1) : Duration.seconds(1)),
    });
    const resolve: Organizations["Service"]["resolve"] = (principal, slug) =>
      Effect.flatMap(Cache.get(cache, JSON.stringify([slug, principal.subject])), (id) =>
        Option.isNone(id) || idFor(principal, slug) === undefined
          ? NOT_FOUND
          : Effect.succeed(id.value),
      );
    return { resolve };
  });

const senseless = (status: number) =>
  new IdentityUnavailable({
    reason: `ORGANIZATIONS_URL answers neither 404 nor 200 with {"id": …} (status ${status})`,
  });
