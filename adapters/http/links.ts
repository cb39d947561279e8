import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { makeLink } from "../../application/make-link.ts";
import { LinkLifetime, LONGEST_LINK } from "../../domain/link.ts";
import { decoder } from "../settings/decode.ts";
import { linkAddress } from "./addresses.ts";
import type { Link } from "./openapi/answers.ts";
import { type Operation, receiptRefusal, Token } from "./operation.ts";

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
          description: "Seconds; as long as the policy allows if left out.",
          examples: [3600],
          toJsonSchema: () => ({ type: "integer", minimum: 1, maximum: LONGEST_LINK }),
        },
      ),
    ),
  ),
}).annotate({ identifier: "LinkRequest" });

const decode = decoder(LinkRequest, Object.keys(LinkRequest.fields));

/** The body of `POST …/links` as the use case takes it. */
export const decodeLink = Effect.fnUntraced(function* (body: unknown) {
  const decoded = decode(body);
  if (Result.isFailure(decoded)) return yield* receiptRefusal(decoded.failure);
  const { receipt, expires_in } = decoded.success;
  const lifetime =
    expires_in === undefined ? undefined : LinkLifetime.make(Duration.seconds(expires_in));
  return { receipt, lifetime };
});

/** What `POST /api/v1/orgs/:slug/files/links` answers; `expires_in` in seconds. */
export const links = Effect.fnUntraced(function* ({ member, note, ...request }: Operation) {
  const asked = yield* decodeLink(request.body);
  const { token, expiresAt, ...file } = yield* makeLink({ member, ...asked });
  note(file);
  return {
    link_url: linkAddress(request.publicUrl, token),
    expires_at: DateTime.formatIso(expiresAt),
  } satisfies Link;
});
