import type { S3Client } from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { neededBy } from "../../values/needed-by.ts";
import {
  canonicalQuery,
  type QuerySigning,
  type SigningKeys,
  withAbsent,
} from "../signing/sign-query.ts";
import type { CredentialSource, KeySigner, Signer } from "../signing/signer.ts";
import type { Pair } from "../signing/v4.ts";
import { identityFrom } from "./chain.ts";
import type { SigningScope } from "./client.ts";

export const sdkSigner = (
  { config }: S3Client,
  { signingName: signingService, signingRegion }: SigningScope,
): Effect.Effect<(held: CredentialSource<KeySigner>) => CredentialSource<Signer>> =>
  Effect.map(presignerPackage, ({ S3RequestPresigner }) => {
    const sign = async (keys: SigningKeys, signing: QuerySigning) => {
      const presigner = new S3RequestPresigner({ ...config, credentials: identityFrom(keys) });
      const { method, origin, path, expiresIn, now } = signing;
      const { protocol, hostname, port } = new URL(origin);
      // The presigner cannot name a header that it does not sign, as Ceph needs for absent ones.
      const { headers, query: parameters } = withAbsent(signing);
      // The presigner would move other headers into the query, which stores ignore.
      const bound = new Set(headers.map(([name]) => name));
      const request = {
        method,
        protocol,
        hostname,
        path,
        query: Object.fromEntries(parameters),
        headers: Object.fromEntries(headers),
        ...(port !== "" && { port: Number(port) }),
      };
      const { query = {} } = await presigner.presign(request, {
        expiresIn,
        signingDate: new Date(now),
        signingRegion,
        signingService,
        signableHeaders: bound,
        unhoistableHeaders: bound,
      });
      const pairs = Object.entries(query).map(([name, value]): Pair => [name, String(value)]);
      return `${origin}${path}?${canonicalQuery(pairs)}`;
    };
    return (held) => (now, remaining, rejected) =>
      Effect.map(held(now, remaining, rejected), ({ keys, expiresAt }): Signer => ({
        expiresAt,
        sign: (signing) =>
          Effect.tryPromise({
            try: () => sign(keys, signing),
            catch: (cause) => new CredentialsUnavailable({ reason: String(cause) }),
          }),
      }));
  });

const presignerPackage = Effect.promise(async () => {
  try {
    return await import("@aws-sdk/s3-request-presigner");
  } catch (cause) {
    return neededBy("the store aws with the signer sdk", "@aws-sdk/s3-request-presigner")(cause);
  }
});
