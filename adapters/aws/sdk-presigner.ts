import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import {
  CredentialsUnavailable,
  type GetRequest,
  Presigner,
  type PutRequest,
} from "../../application/ports/presigner.ts";
import { endOf, headersToSend } from "../signing/binding.ts";
import type { HeldKeys } from "../signing/v4-presigner.ts";
import type { Clients } from "./addresses.ts";
import type { AwsSettings } from "./settings.ts";

/**
 * Signs through the official presigner, which binds the headers that it is told to and moves all
 * others into the query, where no store looks at them.
 */
export function sdkPresigner(
  settings: AwsSettings,
  clients: Clients,
  keys: Effect.Effect<HeldKeys, CredentialsUnavailable>,
  publicOrigin: string,
): Presigner["Service"] {
  const Bucket = settings.bucket;

  const sign = Effect.fnUntraced(function* (
    request: PutRequest | GetRequest,
    command: PutObjectCommand | GetObjectCommand,
  ) {
    const { expiresAt } = yield* keys;
    const now = yield* Clock.currentTimeMillis;
    const url = yield* Effect.tryPromise({
      try: () =>
        // The commands differ in their answers only, which signing does not see.
        getSignedUrl(clients[request.audience], command as GetObjectCommand, {
          expiresIn: Duration.toSeconds(request.lifetime),
          signingDate: new Date(now),
          signableHeaders: BOUND,
          unhoistableHeaders: BOUND,
        }),
      catch: (cause) => new CredentialsUnavailable({ reason: String(cause) }),
    });
    return { url, expiresAt: endOf(now, request.lifetime, expiresAt) };
  });

  return Presigner.of({
    put: (request) =>
      sign(
        request,
        new PutObjectCommand({
          Bucket,
          Key: request.key,
          ContentType: request.mediaType,
          ContentLength: request.size,
          ...(request.writeOnce ? { IfNoneMatch: "*" } : {}),
        }),
      ).pipe(
        Effect.map((signed) => ({ method: "PUT", headers: headersToSend(request), ...signed })),
      ),
    get: (request) =>
      sign(
        request,
        new GetObjectCommand({
          Bucket,
          Key: request.key,
          ResponseContentType: request.responseMediaType,
          ResponseContentDisposition: request.responseDisposition,
        }),
      ).pipe(Effect.map((signed) => ({ method: "GET", headers: {}, ...signed }))),
    publicOrigin,
  });
}

const BOUND = new Set(["content-length", "content-type", "host", "if-none-match"]);
