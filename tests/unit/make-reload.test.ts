import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Configuration, readConfiguration } from "../../adapters/cli/configuration.ts";
import { makeReload } from "../../adapters/cli/make-reload.ts";
import type { Outcome } from "../../adapters/cli/reload.ts";

it.live(
  "a configuration that cannot be taken leads back to the one in force, with the reason",
  () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "valetkey-reload-"));
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })));
      const env = {
        ENV_FILES: folder,
        DEV_TOKEN: "a-token-for-people",
        DEV_SERVICE_TOKEN: "a-token-of-a-service",
      };
      const reloads = { accepted: 0, refused: 0, loadedAt: 0 };
      const first = Result.getOrThrow(readConfiguration({ env, files: {}, reloads }));
      const taken: Array<Configuration> = [];
      const take = (next: Configuration) => {
        taken.push(next);
        return next.settings === first.settings ? Effect.void : Effect.fail("one cannot");
      };
      const reload = yield* makeReload(take, env, first);
      writeFileSync(join(folder, "STORAGE_MAX_FILE_SIZE"), "1 B");
      const outcome = yield* Effect.promise(() => new Promise<Outcome>(reload));
      expect(outcome).toEqual({ changed: [], refused: "one cannot" });
      const [next, back] = taken;
      expect(next?.reloads).toMatchObject({ accepted: 1, refused: 0 });
      expect(next?.settings).not.toBe(first.settings);
      expect(back?.settings).toBe(first.settings);
      expect(back?.reloads).toMatchObject({ refused: 1, failure: { reason: "one cannot" } });
    }),
);
