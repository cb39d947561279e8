import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { requestCredentials } from "../../../../application/credentials/request-credentials.ts";
import { ByteSize } from "../../../../domain/byte-size.ts";
import { LONGEST_CREDENTIALS, SHORTEST_CREDENTIALS } from "../../../../domain/credentials-grant.ts";
import { POLICY_NAME } from "../../../../domain/upload-policy.ts";
import { CREDENTIALS } from "../../addresses.ts";
import { operation } from "../operation.ts";
import { fileFields } from "../presign.ts";
import { flag, instant, text, Token } from "../schemas.ts";

/** One GiB. */
const USUAL_BYTES = ByteSize.make(2 ** 30);
const LIFETIMES = {
  minimum: Duration.toSeconds(SHORTEST_CREDENTIALS),
  maximum: Duration.toSeconds(LONGEST_CREDENTIALS),
};

const PREFIX = "incoming/credentials/org_1/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f/";

const place = {
  endpoint: text(
    "The store's address, without the bucket.",
    "https://s3.eu-central-1.amazonaws.com",
  ),
  bucket: text("At Azure, the container.", "uploads"),
  prefix: text("What every name has to begin with.", PREFIX),
  expiresAt: instant("When the credentials stop working.", "2026-11-24T13:00:00.000Z"),
  grant: Token,
  completeUntil: instant("Until when they can be completed.", "2026-11-25T13:00:00.000Z"),
};

const Credentials = Schema.Union(
  [
    Schema.Struct({
      kind: Schema.Literal("s3"),
      ...place,
      region: text("Part of each signature.", "eu-central-1"),
      pathStyle: flag("Whether the bucket stands in the path of addresses."),
      accessKeyId: text("Not a secret.", "ASIAIOSFODNN7EXAMPLE"),
      secretAccessKey: text("A secret.", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
      sessionToken: text("A secret.", "AQoDYXdzEJr"),
    }).annotate({ identifier: "S3Credentials", description: "For clients of S3's API." }),
    Schema.Struct({
      kind: Schema.Literal("gcs"),
      ...place,
      accessToken: text("A secret: a bearer token of OAuth 2.", "ya29.dr.A"),
    }).annotate({ identifier: "GcsCredentials", description: "For clients of Cloud Storage." }),
    Schema.Struct({
      kind: Schema.Literal("azure"),
      ...place,
      sas: text(
        "A secret: the query of addresses of blobs, without ?.",
        "sv=2025-01-05&sr=c&sig=A",
      ),
    }).annotate({ identifier: "AzureCredentials", description: "For clients of Blob Storage." }),
  ],
  { mode: "oneOf" },
).annotate({ identifier: "Credentials", description: "Temporary credentials of the store." });

type Granted = Effect.Success<ReturnType<typeof requestCredentials>>;

function presentCredentials({ credentials, prefix, grant, sealed }: Granted) {
  const { endpoint, bucket, expiresAt } = credentials;
  const place = {
    endpoint,
    bucket,
    prefix,
    expiresAt: DateTime.toDate(expiresAt),
    grant: sealed,
    completeUntil: DateTime.toDate(grant.completeUntil),
  };
  if (credentials.kind === "gcs") {
    return {
      kind: credentials.kind,
      ...place,
      accessToken: Redacted.value(credentials.accessToken),
    };
  }
  if (credentials.kind === "azure") {
    return { kind: credentials.kind, ...place, sas: Redacted.value(credentials.sas) };
  }
  const { kind, region, pathStyle, accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    kind,
    ...place,
    region,
    pathStyle,
    accessKeyId,
    secretAccessKey: Redacted.value(secretAccessKey),
    sessionToken: Redacted.value(sessionToken),
  };
}

export const credentialsOperation = operation({
  action: "credentials",
  methods: ["POST"],
  path: CREDENTIALS,
  scope: "write",
  text: {
    operationId: "credentials",
    summary: "Ask for temporary credentials of the store",
    description:
      "A tool uploads with them below one prefix, and nothing else. What it uploads waits unreadable until it is completed with `grant`.",
    examples: {
      plain: { policy: "datasets" },
      bound: { policy: "datasets", expires_in: 3600, max_bytes: 5 },
    },
    answers: "The credentials.",
  },
  input: Schema.Struct({
    policy: fileFields.policy.schema.annotate({
      description: "The name of a policy that gives out credentials.",
      examples: ["datasets"],
    }),
    expiresIn: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween(LIFETIMES)).annotate({
        description:
          "How long they are needed, in seconds; the policy may allow less. As long as it allows if left out.",
        examples: [3600],
      }),
    ),
    maxBytes: Schema.optionalKey(
      ByteSize.annotate({
        identifier: "MaxBytes",
        description:
          "The most bytes that become files, together; 1 GiB if left out. They count for quotas.",
      }),
    ),
  }).annotate({ identifier: "CredentialsRequest" }),
  facts: ({ policy, maxBytes = USUAL_BYTES }) => ({
    policy: POLICY_NAME.test(policy) ? policy : undefined,
    size: maxBytes,
  }),
  run: ({ member }, { policy, expiresIn, maxBytes = USUAL_BYTES }) =>
    requestCredentials({
      member,
      policy,
      maxBytes,
      lifetime: expiresIn === undefined ? undefined : Duration.seconds(expiresIn),
    }),
  output: Credentials,
  present: presentCredentials,
  refusals: {
    UnknownPolicy: true,
    PolicyNotAllowed: true,
    CredentialsNotSupported: true,
    QuotaExceeded: true,
    StorageFull: true,
    TooManyOpenUploads: true,
    LimitsUnavailable: true,
    StoreUnavailable: true,
  },
});
