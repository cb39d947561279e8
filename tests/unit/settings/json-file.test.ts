import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { jsonIn, readJsonFile, RECHECK, watchJson } from "../../../adapters/settings/json-file.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { until } from "../../support/until.ts";

it.effect("a watched file that cannot be used is reported once, until it can be used again", () =>
  Effect.gen(function* () {
    const folder = makeFolder();
    const path = join(folder, "file.json");
    const said: Array<string> = [];
    const changes: Array<unknown> = [];
    let looks = 0;
    const watcher = {
      document: "stores" as const,
      decode: (json: unknown) => {
        looks++;
        return json === 0 ? Result.fail("is zero") : Result.succeed(json);
      },
      onChange: (value: unknown) => void changes.push(value),
      kept: "the last stays",
    };
    const log = Logger.layer([
      Logger.make<unknown, void>(({ message }) => void said.push(String(message))),
    ]);
    const look = (what: string) =>
      Effect.gen(function* () {
        const before = looks;
        yield* TestClock.adjust(RECHECK);
        yield* Effect.promise(() => until(what, () => looks > before));
      });
    writeFileSync(path, "0");
    yield* Effect.provide(watchJson(path, watcher), log);
    yield* Effect.promise(() => until("the first look", () => said.length > 0));
    yield* look("a second look");
    yield* look("a third look");
    writeFileSync(path, "1");
    yield* look("the change");
    writeFileSync(path, "0");
    yield* look("the second failure");
    const complaint = `the file ${path} is zero; the last stays`;
    expect(said).toEqual([complaint, `the file ${path} was read`, complaint]);
    expect(changes).toEqual([1]);
  }),
);

it.effect(
  "a file that is replaced, or a link that leads elsewhere, is in force within two seconds",
  () =>
    Effect.gen(function* () {
      const folder = makeFolder();
      const path = join(folder, "file.json");
      // As Kubernetes mounts it: a link into a folder, which is itself a link that is swapped.
      const mounted = join(folder, "mounted.json");
      const version = (name: string) => {
        mkdirSync(join(folder, name));
        writeFileSync(join(folder, name, "mounted.json"), JSON.stringify(name));
        symlinkSync(name, join(folder, `${name}.link`));
        renameSync(join(folder, `${name}.link`), join(folder, "data"));
      };
      version("first");
      symlinkSync(join("data", "mounted.json"), mounted);
      writeFileSync(path, '"first"');
      const inForce: Record<string, unknown> = {};
      // Two processes have the file.
      for (const [process, file] of [path, path, mounted].entries()) {
        yield* watchJson(file, {
          document: "stores",
          decode: Result.succeed,
          onChange: (value) => void (inForce[process] = value),
          kept: "the last stays",
        });
      }
      const all = (value: string) => () =>
        isDeepStrictEqual(inForce, { 0: value, 1: value, 2: value });
      yield* Effect.promise(() => until("the first look", all("first")));
      writeFileSync(`${path}.new`, '"second"');
      renameSync(`${path}.new`, path);
      version("second");
      yield* TestClock.adjust("2 seconds");
      yield* Effect.promise(() => until("the second", all("second"), 30));
    }),
);

it.effect("a watched file that is none is named with what it has to be", () =>
  Effect.map(Effect.flip(jsonIn(tmpdir(), Result.succeed)), (problem) =>
    expect(problem).toBe(
      `the file ${tmpdir()} cannot be read (it is not a regular file of at most 1 MiB)`,
    ),
  ),
);

it("a file of 1 MiB is the largest that is read, and none is told", () => {
  const path = join(makeFolder(), "file.json");
  const readOf = (content: string) => {
    writeFileSync(path, content);
    return readJsonFile(path);
  };
  expect(readOf(`"${"a".repeat(2 ** 20 - 2)}"`)).toMatchObject({ _tag: "Success" });
  expect(readOf(`"${"a".repeat(2 ** 20 - 1)}"`)).toMatchObject({
    failure: "is not a regular file of at most 1 MiB",
  });
  expect(readOf('{ "token": a-secret }')).toMatchObject({ failure: "is not JSON" });
});
