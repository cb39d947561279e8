import { createClient, createCluster } from "@redis/client";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Redacted from "effect/Redacted";
import * as Schedule from "effect/Schedule";
import { replaceMemory, takeBackUpload, takeRequest, takeUpload } from "./scripts.ts";
import type { RedisSettings } from "./settings.ts";

/** So that the first requests are counted too. */
const FIRST_CONNECTION_TIMEOUT = "1 second";

/**
 * A connection made in the background, and again when it is lost. Without one, commands fail at
 * once.
 */
export const connect = (settings: RedisSettings) =>
  Effect.gen(function* () {
    const client = clientFor(settings, options.socket);
    yield* Effect.addFinalizer(() => Effect.sync(() => void client.destroy()));
    const beginning = yield* Effect.tryPromise(async () => void (await client.connect())).pipe(
      // A client that has connected once reconnects by itself; a cluster's first attempt can fail.
      Effect.retry(Schedule.spaced("1 second")),
      Effect.ignore,
      Effect.forkScoped,
    );
    yield* Effect.timeoutOption(Fiber.await(beginning), FIRST_CONNECTION_TIMEOUT);
    return client;
  });

export async function reach(settings: RedisSettings): Promise<void> {
  const client = clientFor(settings, { ...options.socket, reconnectStrategy: false });
  try {
    await client.connect();
    await client.exists(NO_KEY);
  } finally {
    client.destroy();
  }
}

/** A key that never exists: a cluster has no command without a key. */
export const NO_KEY = "valetkey:{}";

const options = {
  scripts: { takeRequest, takeUpload, replaceMemory, takeBackUpload },
  disableOfflineQueue: true,
  commandsQueueMaxLength: 10_000,
  socket: {
    connectTimeout: 1000,
    reconnectStrategy: (tries: number) => Math.min(50 * 2 ** tries, 1000),
  },
};

type Socket = Omit<typeof options.socket, "reconnectStrategy"> & {
  readonly reconnectStrategy: false | ((tries: number) => number);
};

function clientFor(settings: RedisSettings, socket: Socket) {
  const urls = Redacted.value(settings.urls);
  const client = settings.isCluster
    ? cluster(urls, socket)
    : createClient({ url: urls[0], ...options, socket });
  // Without a listener an error would end the process. Commands fail with the reason anyway.
  client.on("error", () => undefined);
  return client;
}

/** The nodes tell only their addresses; the credentials are the same for all. */
function cluster(urls: readonly [string, ...ReadonlyArray<string>], socket: Socket) {
  const { protocol, username, password } = new URL(urls[0]);
  return createCluster({
    rootNodes: urls.map((url) => ({ url })),
    scripts: options.scripts,
    defaults: {
      ...options,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      socket: { ...socket, ...(protocol === "rediss:" ? { tls: true } : {}) },
    },
  });
}
