import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import assert from "node:assert/strict";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { assertMatches } from "../../adapters/contract/sending/assertions.ts";
import { send, sendPut, upload, withHeaders } from "../../adapters/contract/sending/send.ts";
import type { Subject } from "../../adapters/contract/subject/subject.ts";
import { DONE, done, mismatch } from "../../adapters/contract/subject/use-cases.ts";
import { variables } from "../../adapters/settings/source.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { readSettings } from "../../adapters/storage/minio/storage.ts";
import { PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import { lackedBy } from "../../application/ports/abilities.ts";
import { listFiles } from "../../application/files/list-files.ts";
import { sealNames } from "../../application/tokens.ts";
import { Tokens } from "../../application/ports/tokens.ts";
import { FileName } from "../../domain/file-name.ts";
import { FilePath } from "../../domain/file-path.ts";
import { incomingKey, type StorageKey } from "../../domain/storage-key.ts";
import { STORES, startStore, storeEnv } from "../events/stores.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";
import { stores } from "./stores.ts";

// Outside the certified contract: a store that drops metadata just shows no name.

/** Of the most bytes, in characters of each length, and with all that a header could be split by. */
const LONGEST = {
  filename: FileName.make("😀".repeat(63)),
  path: FilePath.make(
    `${"é".repeat(300)}/${"你".repeat(100)}; a="b", ü\u00a0%0d/ `.padEnd(500, "x"),
  ),
};
const METADATA = [
  "x-amz-meta-valetkey-names",
  "x-goog-meta-valetkey-names",
  "x-ms-meta-valetkey_names",
];

/** The names by which a list shows a file, once its store has told them in time. */
const named = (subject: Subject, key: StorageKey) =>
  until("names in a list", async () => {
    const found = await listed(subject, key);
    return found.filename !== undefined && found;
  });

/** The names by which a list shows a file. */
async function listed({ run }: Subject, key: StorageKey) {
  const { files } = done(await run((member) => listFiles({ member, details: true })));
  const file = (files as ReadonlyArray<Partial<typeof LONGEST> & { readonly key: string }>).find(
    (each) => each.key === key,
  );
  assert.ok(file);
  return { filename: file.filename, path: file.path };
}

const names = promises(["copies"], {
  "the names of an upload are written onto its copy, and a list shows them": async (subject) => {
    for (const each of [LONGEST, { filename: FileName.make("__proto__") }]) {
      const { key, put, receipt } = await subject.grant(each, "incoming");
      await upload(put);
      const confirmed = done(await subject.confirm(receipt));
      assertMatches(confirmed, each);
      assert.deepEqual(await named(subject, key), { path: undefined, ...each });
      assertMatches(await subject.confirm(receipt), { ...DONE, ...each });
      // Whoever has a URL of the file cannot read them.
      const { headers } = await send("GET", confirmed.get.url);
      const shown = JSON.stringify(headers);
      assert.ok(!shown.includes(Buffer.from(each.filename).toString("base64url").slice(0, 8)));
      await subject.remove(key);
      assert.equal(await subject.find(key), undefined);
    }
  },
  "names that a client gives its upload do not become those of the file": async (subject) => {
    const { key, put, receipt, ...granted } = await subject.grant({}, "incoming");
    const { names } = await subject.granted(() =>
      Tokens.useSync((tokens) => ({
        names: sealNames(tokens, { key, filename: FileName.make("forged.png") }),
      })),
    );
    for (const name of METADATA) {
      await sendPut(withHeaders(put, { [name]: names }));
    }
    if ((await subject.find(incomingKey(key))) === undefined) await upload(put);
    assertMatches(await subject.confirm(receipt), DONE);
    await subject.expectFile(granted);
    assert.equal((await named(subject, key)).filename, "é.png");
  },
});

const forged = promises([], {
  "names that ride along with a file are a difference, and no list shows them": async (subject) => {
    for (const name of METADATA) {
      const { key, put, receipt } = await subject.grant();
      if (!(await sendPut(withHeaders(put, { [name]: "forged" }))).ok) continue;
      const { names } = await subject.head(key);
      if (names !== undefined) {
        const difference = { property: "valetkey-names", expected: "", actual: "forged" };
        assertMatches(await subject.confirm(receipt), mismatch(difference));
      }
      assert.deepEqual(await listed(subject, key), { filename: undefined, path: undefined });
    }
  },
});

for (const store of stores) register(store, [...names, ...forged]);

for (const provider of ["seaweedfs", "versitygw"] as const) {
  const open = async () => {
    const port = await freePort();
    await startStore(provider, port, "");
    const layer = minio(Result.getOrThrow(readSettings(variables(storeEnv(provider, port)))));
    const quiet = Layer.provide(layer, telemetry({ level: "none", format: "json" }));
    return { layer: quiet, bucket: "files" };
  };
  const without = [...lackedBy(PROVIDERS[provider].abilities), "two endpoints" as const];
  const isThere = STORES[provider].path !== undefined;
  register({ name: provider, without, open: isThere ? open : undefined }, [...names, ...forged]);
}
