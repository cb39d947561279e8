import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import * as Effect from "effect/Effect";
import { Readable } from "node:stream";
import type { Audience } from "../../../application/ports/presigner.ts";
import { boundedStream } from "../rest/bounded-body.ts";
import { callFailed, type StoreRefusal } from "../rest/refusal-reason.ts";
import { type BucketAddress, withoutSlashes } from "../signing/bucket-address.ts";
import type { S3Settings } from "../s3/settings.ts";

/** Makes a client; without credentials, it uses its chain. */
export function makeClient(
  { region, endpoint, pathStyle }: Pick<S3Settings, "region" | "endpoint" | "pathStyle">,
  credentials?: NonNullable<S3ClientConfig["credentials"]>,
): S3Client {
  const client = new S3Client({
    region,
    forcePathStyle: pathStyle,
    // A store of another provider may not know the checksums that the client would add.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // The session of a directory bucket would end before the URL that it signs.
    disableS3ExpressSessionAuth: true,
    // Its rules for virtual hosts would put a second slash behind one at the end of the path.
    ...(endpoint === undefined ? {} : { endpoint: withoutSlashes(endpoint.href) }),
    // Callers repeat what can be repeated.
    ...(credentials === undefined ? {} : { credentials, maxAttempts: 1 }),
  });
  client.middlewareStack.add(
    (next) => async (call) => {
      const { response, ...result } = await next(call);
      const { body } = response as { readonly body?: unknown };
      if (body instanceof Readable)
        Object.assign(response as object, { body: boundedStream(body) });
      return { response, ...result };
    },
    { step: "deserialize", priority: "low", name: "boundedBody" },
  );
  return client;
}

export const makeBucket = (settings: S3Settings, client: S3Client) => {
  const { bucket: Bucket, region } = settings;
  // us-east-1 is the only region that must not be named.
  const location =
    region === "us-east-1"
      ? {}
      : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } };
  return Effect.asVoid(
    Effect.tryPromise({
      try: (abortSignal) =>
        client.send(new CreateBucketCommand({ Bucket, ...location }), { abortSignal }),
      catch: (cause) => callFailed(settings, cause, refusalIn(cause)),
    }),
  );
};

function refusalIn(cause: unknown): StoreRefusal | undefined {
  const { $response: answer } = cause as { readonly $response?: { readonly statusCode: number } };
  if (answer === undefined) return undefined;
  const refusal = { status: answer.statusCode, code: undefined };
  // An answer that is no XML is an error of the parser.
  return cause instanceof S3ServiceException && !WITHOUT_CODE.has(cause.name)
    ? { ...refusal, code: cause.name, message: cause.message }
    : refusal;
}

const WITHOUT_CODE: ReadonlySet<string> = new Set(["Unknown", "UnknownError"]);

export interface SigningScope {
  /** Such as `s3`, or `s3express` for a directory bucket. */
  readonly signingName: string;
  /** `*` for an access point of several regions. */
  readonly signingRegion: string;
}

/** Resolves FIPS, dual-stack endpoints and regions of ARNs by the usual variables and profiles. */
export async function locate(
  settings: S3Settings,
  { config }: S3Client,
): Promise<Readonly<Record<Audience, BucketAddress & { readonly scope: SigningScope }>>> {
  const { bucket: Bucket, region: Region, endpoint, publicEndpoint, pathStyle } = settings;
  const UseFIPS = await config.useFipsEndpoint();
  const UseDualStack = await config.useDualstackEndpoint();
  const { useArnRegion } = config;
  const UseArnRegion = typeof useArnRegion === "function" ? await useArnRegion() : useArnRegion;
  const at = (endpoint: URL | undefined, ForcePathStyle: boolean) => {
    const { url, properties } = config.endpointProvider({
      Bucket,
      Region,
      ForcePathStyle,
      UseFIPS,
      UseDualStack,
      UseArnRegion,
      DisableS3ExpressSessionAuth: true,
      ...(endpoint === undefined ? {} : { Endpoint: endpoint.href }),
    });
    const path = withoutSlashes(url.pathname);
    const [scheme = { signingName: "s3", signingRegion: Region }] = properties?.authSchemes ?? [];
    const { signingName, signingRegion = "*" } = scheme;
    const scope = { signingName, signingRegion };
    return { origin: url.origin, host: url.host, unsignedPrefix: "", path, scope };
  };
  const internal = at(endpoint, pathStyle);
  const { publicPathStyle = pathStyle } = settings;
  return { public: publicEndpoint ? at(publicEndpoint, publicPathStyle) : internal, internal };
}
