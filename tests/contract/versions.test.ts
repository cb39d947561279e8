import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { describe, expect, it } from "vitest";
import { send, upload } from "../../adapters/contract/sending/send.ts";
import {
  CONTENT,
  ORGANIZATION,
  OTHER,
  putRequest,
} from "../../adapters/contract/sending/uploads.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import { useCases } from "../../adapters/contract/subject/use-cases.ts";
import { fileAddress } from "../../adapters/http/addresses.ts";
import { PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import { followLink } from "../../application/files/follow-link.ts";
import { makeLink } from "../../application/files/make-link.ts";
import { openFile } from "../../application/files/open-file.ts";
import { MediaType } from "../../domain/media-type.ts";
import { ownServer } from "./own-server.ts";
import { stores } from "./stores.ts";
import { need } from "../support/need.ts";
import { openBucket } from "../support/s3-store.ts";

const minioServer = ownServer() === undefined ? await need("minio") : undefined;
const own = ownServer();
/** Your own server alone, if the environment names one and it keeps versions. */
const server =
  own === undefined
    ? minioServer
    : PROVIDERS[own.provider].abilities.has("versions")
      ? own
      : undefined;
const open = () => openBucket(server, { versions: true, provider: own?.provider ?? "minio" });

const shows = async (url = "") => (await send("GET", url)).body;

describe.skipIf(server === undefined)("a bucket that keeps versions", () => {
  it("every address of a confirmed file shows the version that was confirmed, whatever comes later", async () => {
    const services = await open();
    const { grant, confirm, run } = useCases(services);
    const { put, key, receipt } = await grant({}, "shown");
    await upload(put);
    const confirmed = await confirm(receipt);
    if (confirmed._tag !== "Done") throw new Error(confirmed._tag);
    const { version, get } = confirmed;
    const linkTo = async (version?: string) => {
      const link = await run((member) => makeLink({ member, receipt, version }));
      return "token" in link ? link.token : link._tag;
    };
    const early = await linkTo();
    await upload({ ...put, body: OTHER });
    const late = await linkTo(version);

    const [, slug = ""] = fileAddress(new URL("https://a.example"), ORGANIZATION, confirmed).split(
      "?",
    );
    expect(slug).toBe(`version=${encodeURIComponent(version ?? "")}`);
    const [opened, newest, ...followed] = [
      await run((member) => openFile({ member, key, version })),
      await run((member) => openFile({ member, key })),
      await run(() => followLink(early)),
      await run(() => followLink(late)),
    ].map((answer) => ("get" in answer ? answer.get.url : answer._tag));
    for (const url of [get.url, opened, ...followed]) {
      expect((await shows(url)).equals(CONTENT)).toBe(true);
    }
    expect((await shows(newest)).equals(OTHER)).toBe(true);
  });

  it("only the confirmed version of an object is read and removed", async () => {
    const services = await open();
    const { grant, confirm } = useCases(services);
    const { store } = services;
    const { put, key, receipt } = await grant();
    await upload(put);
    const first = Option.getOrThrow(await Effect.runPromise(store.head(key)));
    const confirmed = await confirm(receipt);
    await upload({ ...put, body: OTHER });

    const url = confirmed._tag === "Done" ? confirmed.get.url : confirmed._tag;
    expect((await send("GET", url)).body.equals(CONTENT)).toBe(true);
    await Effect.runPromise(store.remove({ key, version: first.version ?? "" }));
    expect((await send("GET", url)).status).toBe(404);
    const left = Option.getOrThrow(await Effect.runPromise(store.head(key)));
    expect(left.etag).not.toBe(first.etag);
  });

  it("a removed file is gone with all its versions, those below a delete marker too", async () => {
    const services = await open();
    const { client, bucket } = services;
    const { grant, confirm, remove } = useCases(services);
    const all = async () => {
      const versions: Array<string> = [];
      const opts = { IncludeVersion: true };
      for await (const each of client.listObjects(bucket, "", true, opts)) {
        versions.push(each.name ?? "");
      }
      return versions;
    };
    for (const policy of ["files", "incoming"]) {
      const { put, key, receipt } = await grant({}, policy);
      const kept = await grant({}, policy);
      await upload(kept.put);
      for (const body of [CONTENT, OTHER, CONTENT]) await upload({ ...put, body });
      const confirmed = await confirm(receipt);
      if (confirmed._tag !== "Done") throw new Error(confirmed._tag);
      await client.removeObject(bucket, key);
      await upload(put);
      expect((await all()).filter((name) => name.endsWith(key)).length).toBeGreaterThan(2);
      expect((await remove(key))._tag).toBe("Done");
      expect((await all()).filter((name) => name.endsWith(key))).toEqual([
        `incoming/removed/${key}`,
      ]);
      expect((await send("GET", confirmed.get.url)).status).toBe(404);
      expect((await confirm(kept.receipt))._tag, "another file").toBe("Done");
    }
  });

  it("an upload that does not match is removed by its version if the policy says so", async () => {
    const services = await open();
    const { grant, confirm } = useCases(services);
    for (const [policy, after] of [
      ["cleaned", "Done"],
      ["files", "UploadMismatch"],
    ] as const) {
      const { put, key, receipt } = await grant({}, policy);
      await upload(put);
      const text = { ...putRequest(key), contentType: MediaType.make("text/plain") };
      await upload(await Effect.runPromise(services.presigner.put(text)));
      expect((await confirm(receipt))._tag).toBe("UploadMismatch");
      // The first upload is the newest version again.
      expect((await confirm(receipt))._tag).toBe(after);
    }
  });
});

const ofGenerations = promises([], {
  "an upload that does not match is removed if the policy says so": async ({
    grant,
    confirm,
    signPut,
  }) => {
    const { key, receipt } = await grant({}, "cleaned");
    await upload(await signPut({ key, contentType: MediaType.make("text/plain") }));
    expect((await confirm(receipt))._tag).toBe("UploadMismatch");
    expect((await confirm(receipt))._tag).toBe("UploadIncomplete");
  },
  "an object that was replaced in the meantime is not removed": async (subject) => {
    const { key, store } = subject;
    const put = await subject.signPut();
    await upload({ ...put, body: OTHER });
    const { version = "" } = Option.getOrThrow(await Effect.runPromise(store.head(key)));
    await upload(put);
    await Effect.runPromise(Effect.exit(store.remove({ key, version })));
    await subject.expectContent();
    const now = Option.getOrThrow(await Effect.runPromise(store.head(key)));
    await Effect.runPromise(store.remove({ key, version: now.version ?? "" }));
    expect(await Effect.runPromise(store.head(key))).toEqual(Option.none());
  },
});

// Cloud Storage always keeps generations apart; an HMAC key cannot remove any.
for (const store of stores.filter(({ name }) => /^gcs, (?!HMAC)/.test(name))) {
  register(store, ofGenerations);
}
