import type { S3Client } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { canonicalQuery } from "../signing/sign-query.ts";
import type { Held, KeySigner, Signer } from "../signing/signer.ts";
import type { Pair } from "../signing/v4.ts";
import { identityOf } from "./chain.ts";
import type { SigningScope } from "./client.ts";

/** Signs with the official presigner what the keys that are held would have signed by our own. */
export const sdkSigner = (
  { config }: S3Client,
  { signingName: signingService, signingRegion }: SigningScope,
): Effect.Effect<(held: Held<KeySigner>) => Held<Signer>> =>
  Effect.map(presignerPackage, ({ S3RequestPresigner }) => {
    const signerOf = ({ keys, expiresAt }: KeySigner): Signer => {
      const presigner = new S3RequestPresigner({ ...config, credentials: identityOf(keys) });
      return {
        expiresAt,
        sign: Effect.fnUntraced(function* (signing) {
          const { method, origin, path, now: date, expiresIn } = signing;
          const { protocol, hostname, port } = new URL(origin);
          // It moves all other headers into the query, where no store looks at them.
          const bound = new Set(signing.headers.map(([name]) => name));
          const request = {
            method,
            protocol,
            hostname,
            path,
            query: Object.fromEntries(signing.query),
            headers: Object.fromEntries(signing.headers),
            ...(port === "" ? {} : { port: Number(port) }),
          };
          const { query } = yield* Effect.tryPromise({
            try: () =>
              presigner.presign(request, {
                expiresIn,
                signingDate: new Date(date),
                signingRegion,
                signingService,
                signableHeaders: bound,
                unhoistableHeaders: bound,
              }),
            catch: (cause) => new CredentialsUnavailable({ reason: String(cause) }),
          });
          const pairs = Object.entries(query ?? {}) as unknown as ReadonlyArray<Pair>;
          return `${origin}${path}?${canonicalQuery(pairs)}`;
        }),
      };
    };
    return (held) => (now, remaining, rejected) =>
      Effect.map(held(now, remaining, rejected), signerOf);
  });

const presignerPackage = Effect.promise(async () => {
  try {
    return await import("@aws-sdk/s3-request-presigner");
  } catch (cause) {
    return neededBy("the store aws with the signer sdk", "@aws-sdk/s3-request-presigner")(cause);
  }
});
