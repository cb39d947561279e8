import { it } from "@effect/vitest";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { createHmac } from "node:crypto";
import { expect } from "vitest";
import {
  admit,
  ByteSize,
  confirmUpload,
  CredentialsUnavailable,
  DEFAULT_POLICY,
  defaultPolicy,
  DEFAULT_SCOPES,
  FileName,
  layerOf,
  limiterInMemory,
  MediaType,
  ObjectStore,
  OrganizationId,
  OrganizationNotFound,
  Organizations,
  Policies,
  Presigner,
  type Principal,
  random,
  requestUpload,
  storageOf,
  Tokens,
  tokensOf,
} from "../../adapters/embed/effect.ts";
import { createValetkey } from "../../adapters/embed/index.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { FILE } from "./host.ts";
import { receiptKey } from "../support/receipt-key.ts";

const MIA: Principal = {
  kind: "user",
  subject: "mia",
  scopes: DEFAULT_SCOPES,
  organizations: "every",
};
const UPLOAD = {
  filename: FileName.make("a.png"),
  contentType: MediaType.make("image/png"),
  size: ByteSize.make(5),
  strict: false,
};

/** A store that the application brings, which has no objects and signs in its own way. */
const sign = (text: string) => createHmac("sha256", "secret").update(text).digest("hex");
const abilities = new Set(["repeated PUT", "md5"] as const);
const limits = { largestPut: 2 ** 20 };
const own = Layer.merge(
  Layer.succeed(Presigner, {
    put: ({ key, contentType, lifetime }) =>
      Effect.map(DateTime.now, (now) => ({
        method: "PUT" as const,
        url: `https://own.example/${key}?s=${sign(key)}`,
        headers: { "Content-Type": contentType },
        expiresAt: DateTime.addDuration(now, lifetime),
        isOnce: false,
      })),
    get: () => Effect.fail(new CredentialsUnavailable({ reason: "downloads are not signed here" })),
    isRemote: false,
    publicOrigin: "https://own.example",
  }),
  Layer.succeed(ObjectStore, {
    abilities,
    limits,
    ensureBucket: Effect.void,
    remove: () => Effect.void,
    head: () => Effect.succeed(Option.none()),
  }),
);

const application = Layer.mergeAll(
  Layer.succeed(Organizations, {
    resolve: ({ subject }, slug) =>
      slug === "acme" && subject === "mia"
        ? Effect.succeed(OrganizationId.make("org_1"))
        : Effect.fail(new OrganizationNotFound()),
  }),
  Layer.succeed(Policies, new Map([[DEFAULT_POLICY, defaultPolicy]])),
  Layer.succeed(Tokens, tokensOf([{ id: "test", secret: receiptKey("test") }])),
  limiterInMemory({ requests: {}, daily: {} }),
  random,
);

const granted = (slug: string) =>
  Effect.flatMap(admit({ principal: MIA, slug, scope: "write" }), (member) =>
    requestUpload({ member, upload: UPLOAD }),
  );

it.live("an Effect application can use its own organizations with a store of Valetkey", () =>
  Effect.gen(function* () {
    const { key, put, receipt } = yield* granted("acme");
    expect(key).toMatch(/^orgs\/org_1\/files\//);
    expect(new URL(put.url).origin).toBe("http://127.0.0.1:9");
    const member = yield* admit({ principal: MIA, slug: "acme", scope: "confirm" });
    // The store does not answer, and the refusal is a value of a known type.
    const unavailable = yield* Effect.flip(confirmUpload({ member, receipt }));
    expect(unavailable._tag).toBe("StoreUnavailable");
    expect((yield* Effect.flip(granted("globex")))._tag).toBe("OrganizationNotFound");
  }).pipe(
    Effect.provide(application),
    Effect.provide(
      layerOf(minio({ endpoint: "http://127.0.0.1:9", accessKey: "key", secretKey: "secret" })),
    ),
  ),
);

it.effect("an Effect application can use its own presigner with the use cases of Valetkey", () =>
  Effect.gen(function* () {
    const refused = yield* Effect.flip(granted("acme"));
    expect(refused).toEqual(
      new CredentialsUnavailable({ reason: "downloads are not signed here" }),
    );
  }).pipe(Effect.provide(application), Effect.provide(own)),
);

it("createValetkey accepts a store of the application, and refuses a policy beyond what that store can do", async () => {
  const storage = storageOf({ layer: own, abilities, limits });
  const options = {
    storage,
    publicUrl: "https://app.example.com",
    organizations: (slug: string) => slug,
    log: () => undefined,
  };
  expect(() => createValetkey(options)).toThrow(
    /policy\.maxSize is more than 1 MiB \(1048576 bytes\): a single PUT to this store carries no more/,
  );
  const valetkey = createValetkey({ ...options, policy: { maxSize: "1 MiB" } });
  await expect(valetkey.requestUpload(FILE)).rejects.toMatchObject({
    code: "CREDENTIALS_UNAVAILABLE",
    cause: new Error("downloads are not signed here"),
  });
  await valetkey.close();
});
