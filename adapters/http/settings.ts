import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { HttpOrigin, List, PORT, UNGUESSABLE, WholeNumber } from "../settings/codecs.ts";
import { fault, onOff, optional, readSettings, withDefault } from "../settings/setting.ts";
import { PROXIES } from "../settings/proxies.ts";
import type { Source } from "../settings/source.ts";
import { isLoopbackName } from "./loopback.ts";

const Origin = Schema.String.check(
  Schema.makeFilter<string>((text) => URL.canParse(text) && new URL(text).origin === text),
);

/** Returns the origins of URLs that have more, such as a slash at the end. */
function originsIn(text: string): string | undefined {
  const items = text.split(",").map((item) => item.trim());
  return items.every(isHttpUrl) ? items.map((item) => new URL(item).origin).join(",") : undefined;
}

const isHttpUrl = (text: string) => /^https?:\/\//.test(text) && URL.canParse(text);

const UP_TO_10_MINUTES = {
  codec: Schema.DurationFromString.check(
    Schema.makeFilter<Duration.Duration>((duration) =>
      Duration.between(duration, { minimum: Duration.zero, maximum: Duration.minutes(10) }),
    ),
  ),
  shape: "a duration such as 2 seconds, up to 10 minutes",
};

export const settings = {
  host: withDefault("127.0.0.1", {
    variable: "HOST",
    meaning: "Where to listen.",
    codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9.:-]+$/)),
    shape: "an address or name to listen on",
    example: "127.0.0.1",
  }),
  port: withDefault(8787, {
    variable: "PORT",
    ...PORT,
    meaning: "Where to listen.",
    example: "8787",
  }),
  probePort: optional({
    variable: "PROBE_PORT",
    meaning:
      "Where Node also answers `/healthz` and `/readyz`, however busy the service is: see [operations](operations.md#health).",
    ...PORT,
    example: "8788",
  }),
  publicUrl: optional({
    variable: "PUBLIC_URL",
    option: "publicUrl",
    meaning: "How clients reach the service. Required where `HOST` is not a loopback address.",
    otherwise: "from `HOST` and `PORT`",
    codec: HttpOrigin,
    shape: "an http or https URL without credentials, path, query or fragment",
    example: "https://uploads.example.com",
  }),
  corsOrigins: optional({
    variable: "CORS_ORIGINS",
    option: "corsOrigins",
    meaning: "Origins whose pages may call the API and the embedded store.",
    otherwise: "the origin of `PUBLIC_URL`",
    codec: List(Origin),
    nearest: originsIn,
    shape: ({ list }) => `origins (scheme, host and port, no path), ${list}`,
    example: "https://app.example.com",
  }),
  trustedProxies: optional({
    ...PROXIES,
    variable: "TRUSTED_PROXIES",
    option: "trustedProxies",
    meaning: "Proxies whose `X-Forwarded-For` is trusted.",
  }),
  notificationSecrets: optional({
    variable: "NOTIFICATIONS_SECRETS",
    meaning:
      "Secrets, one of which a [notification](notifications.md) must have; several for a rotation.",
    otherwise: "no notifications",
    // In the encoding of a URL, in which some stores have them.
    codec: Schema.RedactedFromValue(
      List(Schema.String.check(Schema.isPattern(/^[\w.~-]{24,256}$/), UNGUESSABLE)),
    ),
    shape: ({ list }) => `secrets of 24 to 256 random letters, digits or any of ._~-, ${list}`,
    example: "$(openssl rand -hex 32)",
  }),
  mcp: withDefault(false, {
    variable: "MCP",
    meaning: "Answers agents at `/mcp`: see [agents](agents.md).",
    ...onOff("answer agents"),
  }),
  maxConnections: withDefault(10_000, {
    variable: "MAX_CONNECTIONS",
    meaning: "How many connections Node keeps open; further ones are closed.",
    codec: WholeNumber({ minimum: 1, maximum: 1_000_000 }),
    shape: "a number of connections from 1 to 1000000",
    example: "10000",
  }),
  shutdownGrace: withDefault(Duration.seconds(2), {
    variable: "SHUTDOWN_GRACE",
    meaning: "How long requests are still served after SIGTERM or SIGINT.",
    otherwise: "`2 seconds`",
    ...UP_TO_10_MINUTES,
    example: "2 seconds",
  }),
  shutdownTimeout: withDefault(Duration.seconds(10), {
    variable: "SHUTDOWN_TIMEOUT",
    meaning: "How long after the signal the process ends at the latest.",
    otherwise: "`10 seconds`",
    ...UP_TO_10_MINUTES,
    example: "10 seconds",
  }),
};

export type HttpSettings = Result.Result.Success<ReturnType<typeof read>>;

/** Reads the settings. A service that other machines can reach must have a public URL. */
export const read = (source: Source) =>
  Result.map(
    readSettings(
      settings,
      source,
      ({ host, probePort, publicUrl, shutdownGrace: grace, shutdownTimeout: end }) => [
        probePort !== undefined &&
          ("Deno" in globalThis || "Bun" in globalThis) &&
          fault(settings.probePort, "is for Node alone; ask PORT on Bun and Deno"),
        host !== undefined &&
          !isLoopbackName(host) &&
          publicUrl === undefined &&
          fault(
            settings.publicUrl,
            ({ name }) =>
              `must be set where ${name(settings.host)} is not a loopback address (${host})`,
          ),
        grace !== undefined &&
          end !== undefined &&
          !Duration.isLessThan(grace, end) &&
          fault(
            settings.shutdownTimeout,
            ({ name }) => `must be longer than ${name(settings.shutdownGrace)}`,
          ),
      ],
    ),
    ({ shutdownGrace: grace, shutdownTimeout: timeout, trustedProxies = [], ...values }) => {
      const { host, port, publicUrl = addressAt(host, port) } = values;
      const { corsOrigins = originsOf(publicUrl) } = values;
      return { ...values, shutdown: { grace, timeout }, publicUrl, corsOrigins, trustedProxies };
    },
  );

/**
 * Reads the service's address and the origins of uploading pages, for commands that do not serve.
 * They ignore `HOST`, which an image sets for all its commands, as an address to listen on.
 */
export const readPages = (source: Source) => {
  const { port, publicUrl, corsOrigins } = settings;
  return Result.map(readSettings({ port, publicUrl, corsOrigins }, source), (values) => {
    const { port, publicUrl, corsOrigins } = values;
    const host = source.valueOf(settings.host) ?? "127.0.0.1";
    const isOnlyHere = typeof host === "string" && isLoopbackName(host);
    const url = publicUrl ?? addressAt(isOnlyHere ? host : "127.0.0.1", port);
    // Behind an unknown public name, the origin of the service's page is unknown.
    const serviceOrigins = publicUrl !== undefined || isOnlyHere ? originsOf(url) : [];
    return { publicUrl: url, corsOrigins: corsOrigins ?? serviceOrigins };
  });
};

const addressAt = (host: string, port: number) =>
  new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);

/** Returns the origins of the service's page; a local one can be opened by two names. */
function originsOf({ protocol, port, hostname, origin }: URL): ReadonlyArray<string> {
  if (!["127.0.0.1", "localhost"].includes(hostname)) return [origin];
  return ["127.0.0.1", "localhost"].map((name) => new URL(`${protocol}//${name}:${port}`).origin);
}
