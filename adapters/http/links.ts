import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as application from "../../application/make-link.ts";
import { LinkLifetime, LONGEST_LINK } from "../../domain/link.ts";
import { ObjectVersion } from "../../domain/object-version.ts";
import { decoder } from "../json/decode.ts";
import { linkAddress } from "./addresses.ts";
import { answer } from "./answer.ts";
import { type Link, Token } from "./answers.ts";
import { receiptRefusal } from "./confirm.ts";
import type { MemberRequest } from "./route.ts";

/** Answers `POST /api/v1/orgs/:slug/files/links`. */
export const makeLink = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member, options } = request;
  const asked = yield* decodeLink(request.body);
  const { token, expiresAt } = yield* application.makeLink({ member, ...asked });
  return answer(c, {
    link_url: linkAddress(options.publicUrl, token),
    expires_at: DateTime.formatIso(expiresAt),
  } satisfies Link);
});

const isLifetime = Schema.is(LinkLifetime);

/** The body of `POST …/links`. */
export const LinkRequest = Schema.Struct({
  receipt: Token,
  expires_in: Schema.optionalKey(
    Schema.Number.check(
      Schema.makeFilter<number>(
        (seconds) =>
          isLifetime(Duration.seconds(seconds))
            ? undefined
            : "it is not a whole number of seconds, from 1 to 10 years",
        {
          description: "Seconds. If left out, as long as the policy allows.",
          examples: [3600],
          toJsonSchema: () => ({ type: "integer", minimum: 1, maximum: LONGEST_LINK }),
        },
      ),
    ),
  ),
  version: Schema.optionalKey(
    ObjectVersion.annotate({ description: "As `confirm` named it; the present one if left out." }),
  ),
}).annotate({ identifier: "LinkRequest" });

const decode = decoder(LinkRequest, Object.keys(LinkRequest.fields));

/** The body of `POST …/links` as the use case takes it. */
export const decodeLink = Effect.fnUntraced(function* (body: unknown) {
  const decoded = decode(body);
  if (Result.isFailure(decoded)) return yield* receiptRefusal(decoded.failure);
  const { receipt, expires_in, version } = decoded.success;
  const lifetime =
    expires_in === undefined ? undefined : LinkLifetime.make(Duration.seconds(expires_in));
  return { receipt, lifetime, version };
});
