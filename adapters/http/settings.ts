import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { CommaSeparated, HttpOrigin } from "../settings/codecs.ts";
import {
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";
import { type Network, Networks, networksOf } from "../settings/networks.ts";
import { isLoopbackName } from "./loopback.ts";

const Origin = Schema.String.check(
  Schema.makeFilter<string>((text) => URL.canParse(text) && new URL(text).origin === text),
);

const ShortDuration = Schema.DurationFromString.check(
  Schema.makeFilter<Duration.Duration>((duration) =>
    Duration.between(duration, { minimum: Duration.zero, maximum: Duration.minutes(10) }),
  ),
);

const upTo10Minutes = (name: string, example: string) =>
  setting(name, {
    codec: ShortDuration,
    shape: "a duration such as 2 seconds, up to 10 minutes",
    example,
  });

/** Variables that say where the service listens, how clients reach it, and how it stops. */
export const settings = {
  host: withDefault(
    setting("HOST", {
      codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9.:-]+$/)),
      shape: "an address or name to listen on",
      example: "127.0.0.1",
    }),
    "127.0.0.1",
  ),
  port: withDefault(
    setting("PORT", {
      codec: Schema.FiniteFromString.check(
        Schema.isInt(),
        Schema.isBetween({ minimum: 1, maximum: 65_535 }),
      ),
      shape: "a port from 1 to 65535",
      example: "8787",
    }),
    8787,
  ),
  maxConnections: withDefault(
    setting("MAX_CONNECTIONS", {
      codec: Schema.FiniteFromString.check(
        Schema.isInt(),
        Schema.isBetween({ minimum: 1, maximum: 1_000_000 }),
      ),
      shape: "how many connections are held at once, from 1 to 1000000",
      example: "10000",
    }),
    10_000,
  ),
  shutdownGrace: withDefault(upTo10Minutes("SHUTDOWN_GRACE", "2 seconds"), Duration.seconds(2)),
  shutdownTimeout: withDefault(
    upTo10Minutes("SHUTDOWN_TIMEOUT", "10 seconds"),
    Duration.seconds(10),
  ),
  publicUrl: optional(
    setting("PUBLIC_URL", {
      codec: HttpOrigin,
      shape: "an http or https URL without credentials, path, query or fragment",
      example: "https://uploads.example.com",
    }),
  ),
  corsOrigins: optional(
    setting("CORS_ORIGINS", {
      codec: CommaSeparated(Origin),
      shape: "origins (scheme, host and port, no path), separated by commas",
      example: "https://app.example.com",
    }),
  ),
  trustedProxies: optional(
    setting("TRUSTED_PROXIES", {
      codec: Networks,
      shape:
        "the addresses or networks that proxies connect from, separated by commas, and not all there are",
      example: "10.0.0.0/8,::1",
    }),
  ),
};

/** What the adapter is configured with. */
export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  /** How many connections are held at once. */
  readonly maxConnections: number;
  readonly shutdown: {
    /** For how long all is still served once the service is told to stop. */
    readonly grace: Duration.Duration;
    /** How long it may take to end, the grace included. */
    readonly timeout: Duration.Duration;
  };
  /** How clients reach the service; without a path. */
  readonly publicUrl: URL;
  /** Origins whose pages may call the API and the embedded store. */
  readonly corsOrigins: ReadonlyArray<string>;
  /** Proxies that are believed when they tell the address of a caller. */
  readonly trustedProxies: ReadonlyArray<Network>;
}

/** Reads the variables; the public address of a service that others reach has to be told. */
export const read = (env: Env): Read<HttpSettings> =>
  Result.map(
    readSettings(settings, env, ({ host, publicUrl, shutdownGrace, shutdownTimeout }) => [
      ...(host === undefined || isLoopbackName(host) || publicUrl !== undefined
        ? []
        : [
            fault(settings.publicUrl, `must be set where HOST is not a loopback address (${host})`),
          ]),
      ...(shutdownGrace === undefined ||
      shutdownTimeout === undefined ||
      Duration.isLessThan(shutdownGrace, shutdownTimeout)
        ? []
        : [fault(settings.shutdownTimeout, "must be longer than SHUTDOWN_GRACE")]),
    ]),
    ({ host, port, maxConnections, publicUrl, corsOrigins, trustedProxies = [], ...shutdown }) => {
      const url = publicUrl ?? new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
      return {
        host,
        port,
        maxConnections,
        shutdown: { grace: shutdown.shutdownGrace, timeout: shutdown.shutdownTimeout },
        publicUrl: url,
        corsOrigins: corsOrigins ?? ownOrigins(url),
        trustedProxies: networksOf(trustedProxies),
      };
    },
  );

/** The origins of the service's own page, which on this machine a person may call by two names. */
function ownOrigins({ protocol, port, hostname, origin }: URL): ReadonlyArray<string> {
  if (!["127.0.0.1", "localhost"].includes(hostname)) return [origin];
  return ["127.0.0.1", "localhost"].map((name) => new URL(`${protocol}//${name}:${port}`).origin);
}
