import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import type {
  CredentialsRequest,
  ScopedCredentials,
} from "../../application/ports/scoped-credentials.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { MediaType } from "../../domain/media-type.ts";
import type { ObjectKey } from "../../domain/storage-key.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { embedded, startService } from "./service.ts";

/** Where credentials are asked for. */
export const CREDENTIALS = "/api/v1/orgs/acme/credentials";

/** A policy that gives out credentials. */
export const TOOLS = {
  credentials: true,
  arrival: "incoming",
  verifyContent: false,
  allowedTypes: ["text/plain", "image/png"],
  putLifetime: Lifetime.make(Duration.hours(2)),
} as unknown as Partial<UploadPolicy>;

const PLACE = { endpoint: "https://store.example.com", bucket: "files" };
const S3_KEYS = {
  kind: "s3" as const,
  region: "eu-central-1",
  pathStyle: true,
  accessKeyId: "an-access-key",
  secretAccessKey: Redacted.make("a-secret-access-key"),
  sessionToken: Redacted.make("a-session-token"),
};
type DistributiveOmit<A, Names extends PropertyKey> = A extends unknown ? Omit<A, Names> : never;

/** A double of a store's own credentials: it tells what it was asked for. */
export const withCredentials = <E, R>(
  storage: Layer.Layer<Presigner | ObjectStore, E, R>,
  asked: Array<CredentialsRequest> = [],
  keys: DistributiveOmit<ScopedCredentials, keyof typeof PLACE | "expiresAt"> = S3_KEYS,
) =>
  Layer.effect(
    ObjectStore,
    Effect.map(ObjectStore, (store) => ({
      ...store,
      credentials: (request: CredentialsRequest) =>
        Effect.map(DateTime.now, (now) => {
          asked.push(request);
          return {
            ...PLACE,
            ...keys,
            expiresAt: DateTime.addDuration(now, request.lifetime),
          };
        }),
    })),
  ).pipe(Layer.provideMerge(storage));

/** What a client is answered for a grant, page by page. */
export interface Completed {
  readonly files: ReadonlyArray<Readonly<Record<string, unknown>> & { readonly path: string }>;
  readonly refused: ReadonlyArray<{ readonly path: string; readonly code: string }>;
}

/** A service over the embedded store, for whose files tools have credentials. */
export async function startWithCredentials(
  over: Parameters<typeof startService>[0] = {},
  change: (store: ObjectStore["Service"]) => ObjectStore["Service"] = (store) => store,
  store: ReturnType<typeof embedded> = embedded(),
  others: Layer.Layer<never> = Layer.empty,
) {
  const asked: Array<CredentialsRequest> = [];
  const changed = Layer.effect(ObjectStore, Effect.map(ObjectStore, change)).pipe(
    Layer.provideMerge(store.layer),
  );
  const service = await startService({
    policies: { tools: TOOLS },
    ...over,
    storage: Layer.merge(withCredentials(changed, asked), others),
  });
  const presigner = Context.get(service.services, Presigner);
  const objects = Context.get(service.services, ObjectStore);
  const { send } = service;
  const grant = async (body: object = {}) =>
    (await send(CREDENTIALS, { policy: "tools", ...body })).body;
  const complete = (token: string) => send(`${CREDENTIALS}/complete`, { grant: token });
  return {
    ...service,
    asked,
    objects,
    grant,
    complete,
    /** Stores an object as a tool would. */
    put: async (key: string, text = "12345", type = "text/plain") => {
      const signed = await Effect.runPromise(
        presigner.put({
          key: key as ObjectKey,
          contentType: MediaType.make(type),
          size: ByteSize.make(text.length),
          writeOnce: false,
          strict: false,
          lifetime: Lifetime.make(Duration.minutes(15)),
          minLifetime: Lifetime.make(Duration.minutes(1)),
          audience: "internal",
        }),
      );
      const headers = { ...signed.headers, "Content-Length": String(text.length) };
      const answer = await store.fetch(
        new Request(signed.url, { method: "PUT", headers, body: text }),
      );
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    },
    /** Asks until there is no more, and returns all pages as one. */
    completeAll: async (token: string): Promise<Completed> => {
      const all: { files: Array<never>; refused: Array<never> } = { files: [], refused: [] };
      let next: string | undefined = token;
      while (next !== undefined) {
        const { status, body } = await complete(next);
        if (status !== 200) throw new Error(JSON.stringify(body));
        all.files.push(...(body.files as Array<never>));
        all.refused.push(...(body.refused as Array<never>));
        next = body.next;
      }
      return all;
    },
    /** The names below a prefix. */
    listed: async (prefix: string) => {
      const page = await Effect.runPromise(
        objects.list?.objects({ prefix, limit: 1000 }) ?? Effect.succeed({ found: [] }),
      );
      return page.found.map(({ key }) => key.slice(prefix.length));
    },
  };
}
