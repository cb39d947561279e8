import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Option from "effect/Option";
import { Hono } from "hono";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Policies } from "../../application/ports/policies.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { Tokens } from "../../application/ports/tokens.ts";
import * as audit from "../../adapters/telemetry/audit.ts";
import { readOrFail } from "../../adapters/cli/settings.ts";
import { makeApp } from "../../adapters/http/app.ts";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import type { HttpEnv } from "../../adapters/http/env.ts";
import type { AppOptions, Services } from "../../adapters/http/options.ts";
import * as identity from "../../adapters/identity/layer.ts";
import * as limits from "../../adapters/limits/layer.ts";
import * as random from "../../adapters/crypto/random.ts";
import * as telemetry from "../../adapters/telemetry/log.ts";
import * as tokens from "../../adapters/tokens/layer.ts";
import { DEFAULT_SCOPES } from "../../domain/principal.ts";

// The service with parts left out: `steps.ts STEP PORT`, configured by the environment. What a part
// costs is the difference between two steps.

const [name = "", port] = process.argv.slice(2);
const settings = readOrFail({ ...process.env, PORT: port });

/** An answer of the usual length. */
const ANSWER = {
  put_url: `http://127.0.0.1:9000/files/${"p".repeat(400)}`,
  get_url: `http://127.0.0.1:9000/files/${"g".repeat(520)}`,
  put_headers: { "Content-Type": "image/png" },
  put_expires_at: "2026-11-25T16:15:00.000Z",
  get_expires_at: "2026-11-26T16:00:00.000Z",
  key: `orgs/acme/files/2026/11/${"0".repeat(36)}.png`,
  receipt: "r".repeat(480),
};

const PATH = "/api/v1/orgs/:slug/files/presign";

/** One route of Hono behind our listener. */
function bare() {
  const app = new Hono<HttpEnv>();
  app.post(PATH, async (c) => {
    await c.req.json();
    return c.json(ANSWER);
  });
  return app;
}

type Own = Context.Context<Services>;

const appOf = (services: Own, options: Partial<AppOptions> = {}) =>
  makeApp({
    services,
    readiness: undefined,
    isStopping: () => false,
    corsOrigins: settings.http.corsOrigins,
    publicUrl: settings.http.publicUrl,
    loopbackOnly: true,
    mounts: [],
    ...options,
  });

/** What every request goes through, whatever answers it. */
const exchanged = (services: Own) =>
  appOf(services, {
    mounts: [
      {
        path: "/exchanged",
        fetch: async (request) => {
          await request.json();
          return Response.json(ANSWER);
        },
      },
    ],
  });

const KNOWN = Effect.succeed({
  kind: "user",
  subject: "bench",
  scopes: DEFAULT_SCOPES,
  organizations: "every",
} as const);
const known = (services: Own) =>
  Context.add(services, Authenticator, { authenticate: () => KNOWN });

const expiresAt = DateTime.makeUnsafe(4_000_000_000_000);
const { put_url, get_url, put_headers, receipt } = ANSWER;
const PUT = {
  method: "PUT",
  url: put_url,
  headers: put_headers,
  isOnce: false,
  expiresAt,
} as const;
const GET = { method: "GET", url: get_url, headers: {}, expiresAt } as const;
const unsigned = (services: Own) =>
  Context.add(services, Presigner, {
    ...Context.get(services, Presigner),
    put: () => Effect.succeed(PUT),
    get: () => Effect.succeed(GET),
  });

const unsealed = (services: Own) =>
  Context.add(services, Tokens, { seal: () => receipt, open: () => Option.none() });

const STEPS: Readonly<
  Record<string, (services: Own) => Pick<ReturnType<typeof makeApp>, "fetch">>
> = {
  bare,
  exchanged,
  decided: (services) => appOf(unsealed(unsigned(known(services)))),
  authenticated: (services) => appOf(unsealed(unsigned(services))),
  signed: (services) => appOf(unsealed(services)),
};

const layer = Layer.mergeAll(
  audit.layer("off"),
  settings.storage.layer,
  limits.layer(settings.limits, undefined),
  identity.authenticatorLayer(settings.identity.callers),
  identity.organizationsLayer(settings.identity.organizations),
  Layer.succeed(Policies, settings.policies),
  random.layer,
  tokens.layer(settings.tokens, tokens.keyInFolder(settings.tokens.directory)),
).pipe(Layer.provideMerge(telemetry.layer(settings.telemetry)));

const app = STEPS[name]?.(await ManagedRuntime.make(layer).context());
if (app === undefined) throw new Error(`there is no step ${name}`);
await listenNode({
  host: settings.http.host,
  port: settings.http.port,
  fetch: (request, peer) => app.fetch(request, peer),
});
