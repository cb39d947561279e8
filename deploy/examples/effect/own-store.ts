import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import {
  ByteSize,
  defaultPolicy,
  DEFAULT_SCOPES,
  FileName,
  limiterInMemory,
  MediaType,
  OrganizationId,
  OrganizationSlug,
  Policies,
  random,
  requestUpload,
  Tokens,
  tokensOf,
} from "valetkey/effect";
import { myStore } from "./adapter.ts";
import { options } from "./options.ts";

// openssl rand -base64 32
const receiptKey = Buffer.from(process.env.RECEIPT_KEY ?? "", "base64");

const services = Layer.mergeAll(
  myStore(options),
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

export const upload = requestUpload({
  member: {
    principal,
    slug: OrganizationSlug.make("acme"),
    organization: OrganizationId.make("org_1"),
  },
  upload: {
    filename: FileName.make("a.txt"),
    contentType: MediaType.make("text/plain"),
    size: ByteSize.make(5),
    strict: true,
  },
}).pipe(Effect.provide(services));
