import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { keyInFolder } from "../../../adapters/tokens/layer.ts";
import { read } from "../../../adapters/tokens/settings.ts";
import { options, variables } from "../../../adapters/settings/source.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { receiptKey } from "../../support/receipt-key.ts";

it("keys are read from variables as from options", () => {
  const [first, second] = ["a", "b"].map((id) => `${id}:${receiptKey(id).toString("base64")}`);
  const env = { RECEIPT_KEYS: `${first},${second}` };
  const given = { receiptKeys: [first, second] };
  for (const source of [variables(env), options(given)]) {
    const { keys } = Result.getOrThrow(read(source));
    expect(keys?.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(keys?.map(({ secret }) => Buffer.from(secret))).toEqual(["a", "b"].map(receiptKey));
  }
});

it("a key of one's own is made once, also by many at a time, and read by its owner alone", async () => {
  const folder = makeFolder();
  const own = join(folder, "not", "there", "yet");
  const keys = await Promise.all(
    Array.from({ length: 8 }, () => Effect.runPromise(keyInFolder(own))),
  );
  expect(new Set(keys.map((key) => Buffer.from(key).toString("base64"))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  expect(readdirSync(own)).toEqual(["receipt-key"]);
  expect(statSync(own).mode & 0o777).toBe(0o700);
  expect(statSync(join(own, "receipt-key")).mode & 0o777).toBe(0o600);
});

it("a key file that is damaged leaves the process with a key of its own, and stays as it is", async () => {
  const folder = makeFolder();
  const file = join(folder, "receipt-key");
  writeFileSync(file, "c2hvcnQ=");
  expect(await Effect.runPromise(keyInFolder(folder))).toHaveLength(32);
  expect(readFileSync(file, "utf8")).toBe("c2hvcnQ=");
});
