import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type {
  CredentialsRequest,
  ScopedCredentials,
} from "../../../application/ports/scoped-credentials.ts";
import type { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { asUnavailable, unavailable } from "../rest/signed-fetch.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { Session, SessionRequest } from "./assume-role.ts";
import { scopedPolicy } from "./scoped-policy.ts";

export type Assume = (
  request: SessionRequest,
) => Effect.Effect<Session, StoreUnavailable | CredentialsUnavailable>;

/** Makes the function that gives credentials for one prefix of a bucket. */
export const scopedCredentials = (
  store: Omit<Parameters<typeof scopedPolicy>[0], "prefix"> & {
    readonly region: string;
    readonly addresses: Readonly<Record<Audience, BucketAddress>>;
    readonly assume: Assume;
  },
) =>
  Effect.fnUntraced(function* ({
    prefix,
    lifetime,
    audience,
  }: CredentialsRequest): Effect.fn.Return<
    ScopedCredentials,
    StoreUnavailable | CredentialsUnavailable
  > {
    const { bucket, region, addresses, assume } = store;
    const address = addresses[audience];
    if (address.unsignedPrefix !== "") return yield* SIGNED_PATH;
    const session = yield* assume({
      policy: scopedPolicy({ ...store, prefix }),
      seconds: Math.floor(Duration.toSeconds(lifetime)),
    });
    const { origin, path, pathStyle } = rootAddress(address, bucket);
    return { kind: "s3", bucket, region, endpoint: origin + path, pathStyle, ...session };
  }, Effect.mapError(asUnavailable));

const SIGNED_PATH = unavailable(
  "the endpoint has a path that a proxy takes away, which tools would sign; give them an endpoint without one (STORAGE_PUBLIC_ENDPOINT, option publicEndpoint)",
);

/** Returns an address without the bucket, and where one has to put that. */
export function rootAddress({ origin, host, path, unsignedPrefix }: BucketAddress, bucket: string) {
  const end = `/${bucket}`;
  return path.endsWith(end)
    ? { origin, host, unsignedPrefix, path: path.slice(0, -end.length), pathStyle: true }
    : {
        origin: origin.replace(`//${bucket}.`, "//"),
        host: origin.includes(`//${bucket}.`) ? host.slice(bucket.length + 1) : host,
        unsignedPrefix,
        path,
        pathStyle: false,
      };
}
