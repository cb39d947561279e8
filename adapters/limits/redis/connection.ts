import { createClient, createCluster } from "@redis/client";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Redacted from "effect/Redacted";
import * as Schedule from "effect/Schedule";
import { replaceMemory, takeBackUpload, takeRequest, takeUpload } from "./scripts.ts";
import type { RedisSettings } from "./settings.ts";

/** Longest wait for the first connection, so that the first requests are counted too. */
const FIRST_CONNECTION_TIMEOUT = "1 second";

/**
 * A connection that is made in the background, and made again when it is lost. Without one,
 * commands fail at once.
 */
export const connect = ({ urls, isCluster }: RedisSettings) =>
  Effect.gen(function* () {
    const [url = "", ...others] = Redacted.value(urls);
    const client = isCluster ? cluster([url, ...others]) : single(url);
    // Without a listener an error would end the process. Commands fail with the reason anyway.
    client.on("error", () => undefined);
    yield* Effect.addFinalizer(() => Effect.sync(() => void client.destroy()));
    const beginning = yield* Effect.tryPromise(async () => void (await client.connect())).pipe(
      // A client that has connected once reconnects by itself; a cluster's first attempt can fail.
      Effect.retry(Schedule.spaced("1 second")),
      Effect.ignore,
      Effect.forkScoped,
    );
    yield* Effect.timeoutOption(Fiber.await(beginning), FIRST_CONNECTION_TIMEOUT);
    return {
      /** Asks for a key that never exists: a cluster has no command without a key. */
      ask: (): Promise<unknown> => client.exists("valetkey:{}"),
      takeRequest: (...[keys, values]: ScriptArguments) =>
        client.takeRequest(keys, values) as Promise<readonly [number, number, number, number]>,
      takeUpload: (...[keys, values]: ScriptArguments) =>
        client.takeUpload(keys, values) as Promise<readonly [UploadOutcome, string]>,
      replaceMemory: (...[keys, values]: ScriptArguments) =>
        client.replaceMemory(keys, values) as Promise<string | null>,
      takeBackUpload: (...[keys, values]: ScriptArguments): Promise<unknown> =>
        client.takeBackUpload(keys, values),
      /** Removes an entry of a sorted set. */
      remove: (key: string, entry: string): Promise<unknown> => client.zRem(key, entry),
    };
  });

/** Connects once and asks; rejects with the reason if that does not work. */
export async function reach({ urls, isCluster }: RedisSettings): Promise<void> {
  const [url = "", ...others] = Redacted.value(urls);
  const once = { ...options.socket, reconnectStrategy: false } as const;
  const client = isCluster
    ? cluster([url, ...others], once)
    : createClient({ url, ...options, socket: once });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.exists("valetkey:{}");
  } finally {
    client.destroy();
  }
}

type ScriptArguments = [keys: ReadonlyArray<string>, values: ReadonlyArray<string | number>];

type UploadOutcome = "granted" | "retry" | "conflict" | "full" | "exceeded" | "caller exceeded";

const scripts = { takeRequest, takeUpload, replaceMemory, takeBackUpload };
const options = {
  disableOfflineQueue: true,
  commandsQueueMaxLength: 10_000,
  socket: {
    connectTimeout: 1000,
    reconnectStrategy: (tries: number) => Math.min(50 * 2 ** tries, 1000),
  },
};

const single = (url: string) => createClient({ url, scripts, ...options });

/** The nodes tell only their addresses; the credentials are the same for all. */
function cluster(
  urls: readonly [string, ...ReadonlyArray<string>],
  socket: typeof options.socket | { readonly reconnectStrategy: false } = options.socket,
) {
  const { protocol, username, password } = new URL(urls[0]);
  return createCluster({
    rootNodes: urls.map((url) => ({ url })),
    scripts,
    defaults: {
      ...options,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      socket: { ...socket, ...(protocol === "rediss:" ? { tls: true } : {}) },
    },
  });
}
