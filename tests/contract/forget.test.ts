import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { send, sendPut, upload } from "../../adapters/contract/sending/send.ts";
import {
  forgetOrganization,
  type RemovalResult,
} from "../../application/files/forget-organization.ts";
import { requestUpload } from "../../application/uploads/request-upload.ts";
import { startMultipart } from "../../application/parts/start-multipart.ts";
import { FOREIGN_CALLS, UNKNOWN, useCases } from "../../adapters/contract/subject/use-cases.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { removedKey, type StorageKey } from "../../domain/storage-key.ts";
import { embeddedStore } from "../support/embedded-store.ts";
import { CONTENT, ORGANIZATION, OTHER, UPLOAD } from "../../adapters/contract/sending/uploads.ts";
import { stores } from "./stores.ts";

const forgetting = ({ listsParts, keepsMarkers }: Record<"listsParts" | "keepsMarkers", boolean>) =>
  promises(["copies", "multipart"], {
    "an organization that is forgotten has nothing left, and others have all": async (subject) => {
      const { grant, confirm, granted, remove, run } = subject;
      const forget = async (apply: boolean) => {
        const told: Array<RemovalResult> = [];
        const organization = ORGANIZATION;
        const report = (each: RemovalResult) => void told.push(each);
        const done = await run(() =>
          Effect.as(forgetOrganization({ organization, apply, keepsMarks: false, report }), {}),
        );
        assert.deepEqual(done, { _tag: "Done" });
        return told.map(({ key }) => key);
      };
      // What others of these tests have left.
      await forget(true);
      const direct = await grant();
      await upload(direct.put);
      // Azure writes each key once.
      await sendPut({ ...direct.put, body: OTHER });
      const [file, waiting, gone] = [
        await grant({}, "incoming"),
        await grant({}, "incoming"),
        await grant({}, "incoming"),
      ];
      for (const { put } of [file, waiting, gone]) await upload(put);
      for (const { receipt } of [file, gone]) assert.equal((await confirm(receipt))._tag, "Done");
      await remove(gone.key);
      const parts = await granted((member) => startMultipart({ member, upload: UPLOAD }));
      const other = await run((member) => requestUpload({ member, upload: UPLOAD }), {
        organization: "globex",
      });
      if (other._tag !== "Done") throw new Error(other._tag);
      await upload(other.put);
      const shown = await forget(false);
      for (const key of [
        direct.key,
        file.key,
        `incoming/${waiting.key}`,
        `incoming/removed/${gone.key}`,
        ...(listsParts ? [parts.key] : []),
      ]) {
        assert.ok(
          shown.some((each) => each === key),
          `${key} is not shown`,
        );
      }
      assert.equal((await send("GET", file.get.url)).status, 200);
      assert.deepEqual((await forget(true)).toSorted(), shown.toSorted());
      if (!keepsMarkers) assert.deepEqual(await forget(false), []);
      for (const { get } of [direct, file]) {
        assert.equal((await send("GET", get.url)).status, 404);
      }
      assert.equal((await send("GET", other.get.url)).status, 200);
    },
  });

// MinIO lists uploads in parts by whole keys, and removes them after a day.
// An HMAC key of Google cannot list generations.
for (const store of [embeddedStore(), ...stores].filter(({ name }) => !name.includes("HMAC"))) {
  const listsParts = !/^(?:minio|aws)/.test(store.name);
  // It does not remove a delete marker of suspended versions, below which there is nothing.
  const keepsMarkers = store.name === "seaweedfs, with versions suspended";
  register(store, forgetting({ listsParts, keepsMarkers }));
}

const racing = (name: string) =>
  promises(["copies"], {
    "a removal that begins while a confirm copies leaves no file": async ({ presigner, store }) => {
      const { copies } = store;
      assert.ok(copies);
      const { copy, writeEmpty } = copies;
      const { grant, confirm } = useCases({
        presigner,
        store: {
          ...store,
          copies: {
            ...copies,
            copy: (upload) =>
              Effect.andThen(writeEmpty(removedKey(upload.to as StorageKey)), copy(upload)),
          },
        },
      });
      const { put, receipt, get, key } = await grant({}, "incoming");
      await upload(put);
      assert.equal((await confirm(receipt))._tag, "OrganizationNotFound");
      assert.equal((await send("GET", get.url)).status, 404);
      assert.ok(Option.isNone(await Effect.runPromise(store.head(key))));
    },
    "a download that began before a removal is whole or cut": async ({
      grant,
      confirm,
      remove,
    }) => {
      const body = randomBytes(9 * 2 ** 20);
      const { put, receipt, get, key } = await grant(
        { size: ByteSize.make(body.length) },
        "incoming",
      );
      await upload({ ...put, body });
      assert.equal((await confirm(receipt))._tag, "Done");
      // More than the buffers on its way take.
      const begun = await fetch(get.url);
      const first = await remove(key);
      const read = await begun.arrayBuffer().catch(() => undefined);
      assert.ok(read === undefined || body.equals(new Uint8Array(read)));
      // A MinIO holds the file for whoever reads it, unless a proxy does that at once.
      if (first._tag === "StoreUnavailable" && name !== "local") {
        assert.equal((await remove(key))._tag, "Done");
      } else assert.equal(first._tag, "Done");
      assert.equal((await send("GET", get.url)).status, 404);
    },
    "two replicas that confirm at once give one answer": async ({ presigner, store }) => {
      const secret = randomBytes(32);
      const [one, other] = [0, 1].map(() => useCases({ presigner, store }, secret));
      assert.ok(one && other);
      const { put, receipt, get } = await one.grant({}, "incoming");
      await upload(put);
      const answers = await Promise.all(
        [one, other, one, other].map((each) => each.confirm(receipt)),
      );
      const facts = answers.map((answer) =>
        "etag" in answer ? [answer.etag, answer.version] : answer,
      );
      assert.deepEqual(facts, Array(4).fill(facts[0]));
      assert.equal(answers[0]?._tag, "Done");
      assert.deepEqual((await send("GET", get.url)).body, Buffer.from(CONTENT));
    },
    "a confirm by others leaves the upload as it is": async ({ grant, confirm, store }) => {
      const { put, receipt, key } = await grant({}, "incoming");
      await upload(put);
      for (const call of FOREIGN_CALLS) {
        assert.deepEqual({ ...(await confirm(receipt, call)) }, UNKNOWN);
      }
      assert.ok(Option.isNone(await Effect.runPromise(store.head(key))));
      assert.equal((await confirm(receipt))._tag, "Done");
    },
  });

for (const store of [embeddedStore(), ...stores.filter(({ name }) => name.startsWith("minio"))]) {
  register(store, racing(store.name));
}
