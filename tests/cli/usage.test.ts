import * as Effect from "effect/Effect";
import { expect, it } from "vitest";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import type { IncomingKey } from "../../domain/storage-key.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";

/** Stores a file of an organization, without bytes. */
const write = (organization: string) =>
  ObjectStore.use(
    ({ copies }) =>
      copies?.writeEmpty(
        `orgs/${organization}/files/2026/11/${crypto.randomUUID()}.txt` as IncomingKey,
      ) ?? expect.unreachable(),
  );

it("the command for all organizations goes on behind the one that is named", async () => {
  const directory = makeFolder();
  const { layer } = embeddedStorage({ bucket: "files", directory }, new URL("http://127.0.0.1:9"));
  const organizations = ["org_1", "org_2", "org_3"];
  await Effect.runPromise(Effect.provide(Effect.forEach(organizations, write), layer));
  const counted = async (...args: ReadonlyArray<string>) => {
    const { code, stdout } = await valetkey(["usage", "--csv", ...args], {
      STORAGE_LOCAL_DIR: directory,
    });
    expect(code).toBe(0);
    return stdout.split("\n").flatMap((line) => line.split(",")[1] ?? []);
  };
  expect(await counted()).toEqual(organizations);
  expect(await counted("--after", "org_1")).toEqual(["org_2", "org_3"]);
});
