import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { makeLink } from "../../application/make-link.ts";
import { LinkLifetime } from "../../domain/link.ts";
import { decoder } from "../json/decode.ts";
import { type Operation, receiptRefusal } from "./operation.ts";
import { InvalidBody } from "./refusals.ts";

const members = { receipt: Schema.String, expires_in: Schema.optionalKey(Schema.Number) };
const decode = decoder(Schema.Struct(members), Object.keys(members));
const decodeLifetime = Schema.decodeUnknownResult(LinkLifetime);

/** What `POST /api/v1/orgs/:slug/files/links` answers; `expires_in` in seconds. */
export const links = Effect.fnUntraced(function* ({ member, note, ...request }: Operation) {
  const decoded = decode(request.body);
  if (Result.isFailure(decoded)) return yield* receiptRefusal(decoded.failure);
  const { receipt, expires_in } = decoded.success;
  const lifetime =
    expires_in === undefined ? undefined : decodeLifetime(Duration.seconds(expires_in));
  if (lifetime !== undefined && Result.isFailure(lifetime)) {
    const reason = "it is not a whole number of seconds, from 1 to 10 years";
    return yield* new InvalidBody({ faults: [{ pointer: "/expires_in", reason }] });
  }
  const asked = lifetime?.success;
  const { token, expiresAt, ...file } = yield* makeLink({ member, receipt, lifetime: asked });
  note(file);
  return {
    link_url: `${request.publicUrl.origin}/f/${token}`,
    expires_at: DateTime.formatIso(expiresAt),
  };
});
