import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Redacted from "effect/Redacted";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { policyFor } from "../../adapters/storage/s3/by-hand.ts";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import {
  CONTENT,
  getRequest,
  newKey,
  PNG,
  putRequest,
} from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { useCases } from "../../adapters/contract/subject/use-cases.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import { ownServer } from "./own-server.ts";
import { quiet, s3Client } from "../support/s3-store.ts";

// Tests the policy that `valetkey policy` prints on your own server. It needs the users valetkey-put,
// valetkey-get and valetkey-service, whose access keys are their names, all with this secret.
const server = ownServer();
const secret = process.env["TEST_S3_USERS_SECRET"];
const keysOf = (use: "put" | "get" | "service") => ({
  accessKey: `valetkey-${use}`,
  secretKey: Redacted.make(secret ?? ""),
});

if (server !== undefined && secret) {
  describe(`the bucket policy for ${server.provider}`, () => {
    const bucket = `policy-${crypto.randomUUID()}`;
    const settings = {
      provider: server.provider,
      bucket,
      createBucket: false,
      region: server.region,
      endpoint: new URL(server.endpoint),
      pathStyle: true,
      signer: "native" as const,
    };
    const [put, get] = [keysOf("put"), keysOf("get")];
    const runtime = ManagedRuntime.make(
      aws({
        ...settings,
        ...keysOf("service"),
        putAccessKey: put.accessKey,
        putSecretKey: put.secretKey,
        getAccessKey: get.accessKey,
        getSecretKey: get.secretKey,
      }).pipe(Layer.provideMerge(quiet)),
    );
    const open = () => runtime.runPromise(Effect.all({ presigner: Presigner, store: ObjectStore }));

    const root = s3Client(server);
    beforeAll(async () => {
      const form = policyFor(
        { provider: server.provider },
        {
          bucket,
          arrivals: ["orgs/"],
          longestPut: 900_000,
          users: { put: "valetkey-put", get: "valetkey-get", service: "valetkey-service" },
        },
      );
      if (form.all === undefined) throw new Error(`${server.provider} has no policy of a bucket`);
      await root.makeBucket(bucket, server.region);
      await root.setBucketPolicy(bucket, JSON.stringify(form.all));
    });
    afterAll(() => runtime.dispose());

    it("every upload works with keys that may only put, only get and only look", async () => {
      const services = await open();
      const { grant, confirm } = useCases(services);
      const { put, receipt } = await grant();
      const stored = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
      expect(stored.status, stored.body.toString()).toBe(200);
      const confirmed = await confirm(receipt);
      expect(confirmed).toMatchObject({ _tag: "Done" });
      if (confirmed._tag !== "Done") return;
      expect((await send("GET", confirmed.get.url)).body.equals(CONTENT)).toBe(true);
      expect((await confirm((await grant()).receipt))._tag).toBe("UploadIncomplete");
    });

    if (PROVIDERS[server.provider].abilities.has("multipart")) {
      it("a file in parts is put together with the service's key, and its parts are put with the key that may only put", async () => {
        const { presigner, store } = await open();
        const { parts: multipart } = store;
        const { part } = presigner;
        if (multipart === undefined || part === undefined) throw new Error("no multipart");
        const key = newKey();
        const uploadId = await Effect.runPromise(multipart.create({ key, contentType: PNG }));
        const request = { ...putRequest(key), uploadId, partNumber: PartNumber.make(1) };
        const { url } = await Effect.runPromise(part(request));
        expect((await send("PUT", url, { body: CONTENT })).status).toBe(200);
        const parts = Option.getOrThrow(await Effect.runPromise(multipart.list({ key, uploadId })));
        const completing = multipart.complete({ key, uploadId, parts });
        expect(await Effect.runPromise(completing)).toBe("completed");
        const other = await Effect.runPromise(multipart.create({ key, contentType: PNG }));
        await Effect.runPromise(multipart.abort({ key, uploadId: other }));
        const gone = await Effect.runPromise(multipart.list({ key, uploadId: other }));
        expect(Option.isNone(gone)).toBe(true);
      });
    }

    it("a URL that is signed with the key for uploads can neither copy nor download", async () => {
      const { presigner } = await open();
      const secret = newKey();
      const first = await Effect.runPromise(presigner.put(putRequest(secret)));
      await send("PUT", first.url, { headers: first.headers, body: CONTENT });
      for (const source of [`/${bucket}/${secret}`, `${bucket}/${secret}`]) {
        const { url, headers } = await Effect.runPromise(presigner.put(putRequest()));
        const copied = await send("PUT", url, {
          headers: { ...headers, "x-amz-copy-source": source },
          body: CONTENT,
        });
        expect(copied.status, copied.body.toString()).toBe(403);
      }
      const own = await runtimeOf(put);
      const { url } = await Effect.runPromise(own.get(getRequest(secret)));
      expect((await send("GET", url)).status).toBe(403);
    });

    it.each([
      ["x-amz-acl", "public-read"],
      ["x-amz-acl", "bucket-owner-full-control"],
      ["x-amz-grant-read", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'],
      ["x-amz-grant-full-control", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'],
      ["x-amz-grant-read-acp", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'],
      ["x-amz-grant-write-acp", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'],
      ["x-amz-tagging", "a=b"],
    ])("an upload with the unsigned header %s: %s is refused", async (name, value) => {
      const { presigner } = await open();
      const { url, headers } = await Effect.runPromise(presigner.put(putRequest()));
      const answer = await send("PUT", url, {
        headers: { ...headers, [name]: value },
        body: CONTENT,
      });
      expect(answer.status, answer.body.toString()).toBe(403);
    });

    const runtimeOf = async (keys: ReturnType<typeof keysOf>) => {
      const other = ManagedRuntime.make(
        aws({ ...settings, ...keys }).pipe(Layer.provideMerge(quiet)),
      );
      const presigner = await other.runPromise(Presigner);
      await other.dispose();
      return presigner;
    };
  });
}
