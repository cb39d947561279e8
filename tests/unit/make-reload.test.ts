import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { type Configuration, readConfiguration } from "../../adapters/service/configuration.ts";
import { makeReload } from "../../adapters/service/make-reload.ts";
import { listenForReloads, type Outcome } from "../../adapters/service/control-socket.ts";
import { until } from "../support/until.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "valetkey-reload-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A configuration of files, and what is taken of it, of which `take` decides. */
const start = Effect.fnUntraced(function* (
  take: (isFirst: boolean) => Effect.Effect<void, string> = () => Effect.void,
) {
  const folder = makeFolder();
  const env = {
    ENV_FILES: folder,
    DEV_TOKEN: "a-token-for-people",
    DEV_SERVICE_TOKEN: "a-token-of-a-service",
  };
  const reloads = { accepted: 0, refused: 0, loadedAt: 0 };
  const first = Result.getOrThrow(readConfiguration({ env, files: {}, reloads }));
  const taken: Array<Configuration> = [];
  const taking = (next: Configuration) => {
    taken.push(next);
    return take(next.settings === first.settings);
  };
  const reload = yield* makeReload(taking, env, first);
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    first,
    taken,
    write,
    set: (text: string, name = "STORAGE_MAX_FILE_SIZE") => write(name, text),
    unset: () => rmSync(join(folder, "STORAGE_MAX_FILE_SIZE")),
    reload: Effect.timeout(
      Effect.promise(() => new Promise<Outcome>(reload)),
      "20 seconds",
    ),
  };
});

it.live(
  "a configuration that cannot be taken leads back to the one in force, with the reason",
  () =>
    Effect.gen(function* () {
      const { first, taken, set, reload } = yield* start((isFirst) =>
        isFirst ? Effect.void : Effect.fail("one cannot"),
      );
      set("1 B");
      const outcome = { changed: [], refused: "one cannot" };
      const both = Effect.all([reload, reload], { concurrency: "unbounded" });
      expect(yield* both).toEqual([outcome, outcome]);
      const [next, back] = taken;
      expect(next?.reloads).toMatchObject({ accepted: 1, refused: 0 });
      expect(next?.settings).not.toBe(first.settings);
      expect(back?.settings).toBe(first.settings);
      expect(back?.reloads).toMatchObject({ refused: 1, failure: { reason: "one cannot" } });
    }),
);

it.live("a change of what needs a restart is refused, and each variable is named", () =>
  Effect.gen(function* () {
    const { first, taken, set, reload } = yield* start();
    set("1 B");
    const fixed = { PORT: "1", STORAGE_BUCKET: "others", AUTH: "forward" };
    for (const [name, value] of Object.entries(fixed)) set(value, name);
    set("none", "LIMIT_OBJECTS_PER_DAY");
    const { changed, refused } = yield* reload;
    for (const name of Object.keys(fixed)) {
      expect(refused).toContain(
        `${name} cannot change while the service runs; restart to change it`,
      );
    }
    expect(refused).toContain("LIMIT_OBJECTS_PER_DAY must be");
    expect(changed).toEqual([]);
    expect(taken.at(-1)?.settings).toBe(first.settings);
  }),
);

it.live("what a file has that a variable names is reloaded as the variable is", () =>
  Effect.gen(function* () {
    const { first, taken, write, reload } = yield* start();
    const path = write("policies.json", "{}");
    write("STORAGE_POLICIES", path);
    expect(yield* reload).toEqual({ changed: ["STORAGE_POLICIES"] });
    write("policies.json", '{"brief":{"put_lifetime":"1 minute"}}');
    expect(yield* reload).toEqual({ changed: ["STORAGE_POLICIES"] });
    expect([...(taken.at(-1)?.settings.policies.keys() ?? [])]).toEqual(["files", "brief"]);
    expect(first.settings.policies.size).toBe(1);
  }),
);

it.effect("a failure ends when the files are again as they were, though nobody asks", () =>
  Effect.gen(function* () {
    const { taken, set, unset, reload } = yield* start();
    set("no size");
    expect(yield* reload).toMatchObject({ refused: expect.stringContaining("MAX_FILE_SIZE") });
    expect(taken.at(-1)?.reloads.failure).toBeDefined();
    unset();
    const look = Effect.andThen(
      TestClock.adjust("1 second"),
      Effect.sync(() => taken.at(-1)),
    );
    const context = yield* Effect.context();
    const isEnded = async () =>
      (await Effect.runPromiseWith(context)(look))?.reloads.failure === undefined;
    yield* Effect.promise(() => until("the end of the failure", isEnded, 20));
    expect(taken.at(-1)?.reloads).toMatchObject({ accepted: 1, refused: 1 });
  }),
);

it.live("a control socket takes the place of one that was left behind, and of nothing else", () =>
  Effect.gen(function* () {
    const path = join(makeFolder(), "socket");
    const said: Array<unknown> = [];
    const log = Logger.layer([
      Logger.make<unknown, void>(({ message }) => void said.push(message)),
    ]);
    const changed = ["CORS_ORIGINS"];
    const listening = listenForReloads(path, (tell) => tell({ changed }));
    writeFileSync(path, "a file of somebody else");
    yield* Effect.provide(Effect.scoped(listening), log);
    expect(readFileSync(path, "utf8")).toBe("a file of somebody else");
    expect(said).toEqual([["CONTROL_SOCKET cannot be used", expect.anything()]]);

    const crashed = createServer().listen(`${path}.old`);
    yield* Effect.promise(() => once(crashed, "listening"));
    renameSync(`${path}.old`, path);
    crashed.close();
    const asked = Effect.andThen(
      listening,
      Effect.promise(() => text(connect(path))),
    );
    expect(JSON.parse(yield* Effect.scoped(asked))).toEqual({ changed });
    expect(existsSync(path)).toBe(false);
  }),
);
