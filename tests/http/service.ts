import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { layer as imageServer } from "../../adapters/delivery/images/servers.ts";
import { read as readImages } from "../../adapters/delivery/images/settings.ts";
import { appWith, type AppOptions } from "../../adapters/http/app/app.ts";
import type { PublicRoute } from "../../adapters/http/operations/operation.ts";
import type { Services } from "../../adapters/http/options.ts";
import { page } from "../../adapters/http/page.ts";
import { authenticatorLayer, organizationsLayer } from "../../adapters/identity/layer.ts";
import type { IdentitySettings } from "../../adapters/identity/settings.ts";
import { messageFrom } from "../../adapters/events/events.ts";
import { layer as limiter } from "../../adapters/limits/memory.ts";
import type { UsageSettings } from "../../adapters/limits/usage/counter.ts";
import { layer as usage } from "../../adapters/limits/usage/layer.ts";
import { type Env, variables } from "../../adapters/settings/source.ts";
import { layer as local } from "../../adapters/storage/local/layer.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { readSettings as readMinio } from "../../adapters/storage/minio/storage.ts";
import type { S3Settings } from "../../adapters/storage/s3/settings.ts";
import type { ProviderName } from "../../adapters/storage/s3/providers.ts";
import { layer as contentDetector } from "../../adapters/content/content-detector.ts";
import { layer as random } from "../../adapters/tokens/random.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import { Audit, type AuditEvent } from "../../application/ports/audit.ts";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Events } from "../../application/ports/events.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import { Tokens } from "../../application/ports/tokens.ts";
import { type StoreChoice, Stores } from "../../application/ports/stores.ts";
import { makeReadinessCheck } from "../../application/store/check-readiness.ts";
import { Policies } from "../../application/ports/policies.ts";
import { DEFAULT_POLICY, defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";
import type { Limits } from "../../domain/limits.ts";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { makeFolder } from "../support/make-folder.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { receiptKey } from "../support/receipt-key.ts";

export const TOKEN = "test-token-of-the-http-tests";
export const TOKEN_KEY = { id: "test", secret: receiptKey("test") };
export const SERVICE_TOKEN = "test-token-of-a-service";

/** A store of a provider that nobody runs, since signing does not need it. */
export const storeOf = (provider: ProviderName, over: Partial<S3Settings> = {}) =>
  minio({
    provider,
    ...over,
    bucket: "files",
    createBucket: false,
    region: "us-east-1",
    // Nothing listens on this port, and every runtime may connect to it.
    endpoint: new URL("http://127.0.0.1:2"),
    publicEndpoint: new URL("https://store.example.com"),
    accessKey: "access-key",
    secretKey: Redacted.make("the-secret-key"),
    pathStyle: true,
  });

/** The store that these variables configure. */
export const storeAt = (env: Env) => minio(Result.getOrThrow(readMinio(variables(env))));

/** The same with credentials that end after so many minutes. */
export function storeFor(minutes: number): ReturnType<typeof storeAt> {
  const folder = makeFolder();
  const file = join(folder, "credentials.json");
  const expires_at = new Date(Date.now() + minutes * 60_000).toISOString();
  writeFileSync(file, JSON.stringify({ access_key: "key", secret_key: "secret", expires_at }));
  return storeAt({
    STORAGE_ENDPOINT: "https://store.example.com",
    STORAGE_CREDENTIALS_FILE: file,
  });
}

export interface Sent extends Pick<RequestInit, "method"> {
  readonly headers?: Readonly<Record<string, string>>;
  readonly peer?: string;
}

/** Headers by which another than the usual caller is known. */
export const as = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

/** The whole service, over a store that nobody runs unless another is given. */
export async function startService(
  over: Partial<AppOptions> & {
    readonly policy?: Partial<UploadPolicy>;
    readonly storage?: Layer.Layer<Presigner | ObjectStore>;
    readonly policies?: Readonly<Record<string, Partial<UploadPolicy>>>;
    readonly identity?: IdentitySettings;
    /** Replaces the authenticator that `identity` sets. */
    readonly authenticator?: Authenticator["Service"];
    readonly limits?: Limits;
    /** Counts what is stored. */
    readonly usage?: Partial<UsageSettings>;
    /** Receives the events. */
    readonly events?: Array<UploadEvent>;
    /** Variables of an image server. */
    readonly images?: Env;
    /** Further routes. */
    readonly routes?: ReadonlyArray<PublicRoute>;
    /** Further stores, and who has them. */
    readonly stores?: StoreChoice;
    /** Receives the audit events. */
    readonly audit?: Array<AuditEvent>;
    /** Receives the log, which is silent without it. */
    readonly log?: Logger.Logger<unknown, void>;
  } = {},
) {
  const more = Object.entries(over.policies ?? {}).map(
    ([name, policy]) => [name, { ...defaultPolicy, ...policy }] as const,
  );
  const identity: IdentitySettings = over.identity ?? {
    callers: {
      auth: "dev",
      exposed: false,
      tokens: {
        user: { value: Redacted.make(TOKEN), isGenerated: false },
        service: { value: Redacted.make(SERVICE_TOKEN), isGenerated: false },
      },
    },
    organizations: {
      table: new Map([[OrganizationSlug.make("acme"), OrganizationId.make("org_1")]]),
    },
  };
  const layer = Layer.mergeAll(
    over.storage ?? storeOf("minio"),
    authenticatorLayer(identity.callers),
    organizationsLayer(identity.organizations),
    over.authenticator === undefined
      ? Layer.empty
      : Layer.succeed(Authenticator, over.authenticator),
    limiter(over.limits ?? { requests: {}, daily: {} }),
    usage(over.usage && { refusesUnknown: false, ...over.usage }),
    over.events === undefined ? Layer.empty : eventsInto(over.events),
    imageServer(Result.getOrThrow(readImages(variables(over.images ?? {})))),
    Layer.succeed(Audit, (event) => Effect.sync(() => void over.audit?.push(event))),
    Layer.succeed(
      Policies,
      new Map([[DEFAULT_POLICY, { ...defaultPolicy, ...over.policy }], ...more]),
    ),
    random,
    contentDetector,
    Layer.succeed(Stores, over.stores),
    Layer.succeed(Tokens, tokensOf([TOKEN_KEY])),
  ).pipe(
    Layer.provideMerge(
      over.log === undefined
        ? telemetry({ level: "none", format: "json" })
        : Logger.layer([over.log]),
    ),
  );
  const runtime = ManagedRuntime.make(layer);
  const close = () => runtime.dispose();
  atTestEnd(close);
  return runtime.runPromise(
    Effect.gen(function* () {
      const services = yield* Effect.context<Services>();
      const app = appWith(over.routes ?? [], {
        services,
        // However busy this thread is.
        readiness: yield* makeReadinessCheck("60 seconds"),
        isStopping: () => false,
        publicUrl: new URL("https://uploads.example.com"),
        corsOrigins: ["https://app.example.com"],
        loopbackOnly: true,
        page: page((yield* Presigner).publicOrigin),
        mounts: [],
        ...over,
      });
      const request = (path: string, init: RequestInit = {}, peer = "127.0.0.1") =>
        Promise.resolve(app.request(`http://127.0.0.1:8787${path}`, init, { address: peer }));
      /** Sends what a caller of the tests does, and reads what is answered. */
      const send = async (path: string, body?: unknown, { headers = {}, ...init }: Sent = {}) => {
        const { body: text, ...method } = presignInit(body, headers);
        const sent = body === undefined ? { ...method, method: "GET" } : { ...method, body: text };
        const answer = await request(path, { ...sent, ...init } as RequestInit, init.peer);
        const answered = await answer.text();
        return {
          status: answer.status,
          headers: answer.headers,
          body: answered.startsWith("{") ? JSON.parse(answered) : undefined,
        };
      };
      return { app, request, send, close, services };
    }),
  );
}

/** Keeps each event once, as a queue does. */
const eventsInto = (events: Array<UploadEvent>) => {
  const ids = new Set<string>();
  const publish = (event: UploadEvent) =>
    Effect.sync(() => {
      const { id } = messageFrom(event, Date.now());
      if (!ids.has(id)) events.push(event);
      ids.add(id);
    });
  return Layer.succeed(Events, { publish, check: Effect.void });
};

/** A store some of whose calls are others. */
export const withStore = <E, R>(
  storage: Layer.Layer<Presigner | ObjectStore, E, R>,
  change: (store: ObjectStore["Service"]) => ObjectStore["Service"],
) =>
  Layer.effect(ObjectStore, Effect.map(ObjectStore, change)).pipe(
    Layer.provideMerge(storage),
    Layer.orDie,
  );

/** The embedded store in a folder of the test's own, without a socket. */
export function embedded(directory = makeFolder()) {
  let serve: ((request: Request) => Promise<Response>) | undefined;
  const place = new URL("http://127.0.0.1:8787/store");
  const layer = local({ directory, bucket: "files" }, place, (fetch) => (serve = fetch));
  const fetch = (request: Request) => serve?.(request) ?? Promise.reject(new Error("not served"));
  return {
    directory,
    layer: Layer.orDie(layer),
    fetch,
    /** Sends a file of five bytes, or a part; gives its ETag. */
    put: async (url: string, headers: Readonly<Record<string, string>>) => {
      const init = { method: "PUT", headers: { ...headers, "Content-Length": "5" }, body: "hello" };
      return (await fetch(new Request(url, init))).headers.get("etag") ?? "";
    },
  };
}

/** A file that may be uploaded, as a client asks for it. */
export const FILE = { filename: "a.png", content_type: "image/png", size: 5 };

/** A presign request as a client sends it; `body` is sent as it is when it is a string. */
export function presignInit(
  body: unknown = FILE,
  headers: Readonly<Record<string, string>> = {},
): RequestInit {
  return {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

export const PRESIGN = "/api/v1/orgs/acme/files/presign";

/** When a URL of an S3 store was signed, in seconds since 1970. */
export function signedAt({ searchParams }: URL): number {
  const date = searchParams.get("X-Amz-Date") ?? "";
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) / 1000;
}

/** The headers that a URL of MinIO binds, without those that it forbids, which are in its query. */
export const boundHeaders = ({ searchParams }: URL): string =>
  (searchParams.get("X-Amz-SignedHeaders") ?? "")
    .split(";")
    .filter((name) => searchParams.get(name) !== "")
    .join(";");
