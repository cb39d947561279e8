import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import {
  admit,
  ByteSize,
  defaultPolicy,
  DEFAULT_SCOPES,
  FileName,
  layerOf,
  limiterInMemory,
  MediaType,
  OrganizationId,
  OrganizationNotFound,
  Organizations,
  Policies,
  random,
  requestUpload,
  Tokens,
  tokensOf,
} from "valetkey/effect";
import { minio } from "valetkey/minio";

const mine = Layer.succeed(Organizations, {
  resolve: (principal, slug) =>
    slug === "acme" && principal.subject === "mia"
      ? Effect.succeed(OrganizationId.make("org_1"))
      : Effect.fail(new OrganizationNotFound()),
});

// openssl rand -base64 32
const receiptKey = Buffer.from(process.env.RECEIPT_KEY ?? "", "base64");

const uploads = Layer.mergeAll(
  mine,
  layerOf(
    minio({ endpoint: "http://127.0.0.1:9000", accessKey: "valetkey", secretKey: "a-secret" }),
  ),
  Layer.succeed(Policies, new Map([["files", defaultPolicy]])),
  Layer.succeed(Tokens, tokensOf([{ id: "2026", secret: receiptKey }])),
  limiterInMemory({ requests: {}, daily: {} }),
  random,
);

const principal = {
  kind: "user",
  subject: "mia",
  scopes: DEFAULT_SCOPES,
  organizations: "every",
} as const;

export const upload = Effect.gen(function* () {
  const member = yield* admit({ principal, slug: "acme", scope: "write" });
  return yield* requestUpload({
    member,
    upload: {
      filename: FileName.make("a.png"),
      contentType: MediaType.make("image/png"),
      size: ByteSize.make(5),
      strict: false,
    },
  });
}).pipe(Effect.provide(uploads));
