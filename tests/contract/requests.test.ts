import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../adapters/contract/subject/subject.ts";
import { done, useCases } from "../../adapters/contract/subject/use-cases.ts";
import { upload } from "../../adapters/contract/sending/send.ts";
import { layer as azure } from "../../adapters/storage/azure/layer.ts";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import { listFiles } from "../../application/files/list-files.ts";
import { openFile } from "../../application/files/open-file.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { MediaType } from "../../domain/media-type.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { gcsSettings, RSA_KEY, RSA_PUBLIC } from "../support/gcs-store.ts";
import { need } from "../support/need.ts";
import { quiet, s3Client, s3Store } from "../support/s3-store.ts";

// Requests and new connections to the store, of a service that has just done the same for another
// file. A number that grows is a wait for everybody who uploads; one that shrinks is written here.

const minio = await need("minio");
const azurite = await need("azurite");
const fakeGcs = await need("fakeGcs");

/** A picture that is larger than what is looked at of it. */
const GIF = Buffer.concat([Buffer.from("R0lGODlhAQABAAAAACw=", "base64"), Buffer.alloc(200_000)]);

type Opened = Layer.Layer<Presigner | ObjectStore, unknown>;
type Front = (target: URL) => Promise<URL>;

/** Each opens a new bucket by way of what counts. */
const STORES: Readonly<Record<string, ((front: Front) => Promise<Opened>) | undefined>> = {
  minio: minio && ((front) => openMinio(front, false)),
  "minio, with versions": minio && ((front) => openMinio(front, true)),
  gcs:
    fakeGcs === undefined
      ? undefined
      : async (front) => {
          const bucket = `requests-${crypto.randomUUID()}`;
          await createBucket(fakeGcs, bucket);
          const verifier = { upstream: fakeGcs, rsa: new Map([RSA_PUBLIC]), hmac: new Map() };
          const { port, close } = await startGcsVerifier(verifier);
          afterAll(close);
          const publicEndpoint = new URL(`http://127.0.0.1:${port}`);
          return gcs(
            gcsSettings(await front(publicEndpoint), { bucket, publicEndpoint, key: RSA_KEY }),
          );
        },
  azure:
    azurite &&
    (async (front) => {
      const { endpoint, account, key } = azurite;
      const { origin } = await front(new URL(endpoint));
      return azure({
        bucket: `requests-${crypto.randomUUID()}`,
        createBucket: true,
        account,
        endpoint: new URL(endpoint.replace(new URL(endpoint).origin, origin)),
        key: { account, secret: Buffer.from(key, "base64") },
      });
    }),
};

async function openMinio(front: Front, versions: boolean): Promise<Opened> {
  const { endpoint, accessKey, secretKey } = minio ?? expect.unreachable();
  const bucket = `requests-${crypto.randomUUID()}`;
  const client = s3Client({ endpoint, accessKey, secretKey });
  await client.makeBucket(bucket);
  if (versions) await client.setBucketVersioning(bucket, { Status: "Enabled" });
  const target = new URL(endpoint);
  return s3Store(await front(target), {
    bucket,
    publicEndpoint: target,
    accessKey,
    secretKey: Redacted.make(secretKey),
  });
}

/** Requests, and the connections that were opened for them. */
type Cost = readonly [requests: number, connections: number];

/** By policies whose uploads are the file at once or wait, and whose content is looked at or not. */
const OPERATIONS = [
  "confirm files",
  "confirm verified",
  "confirm incoming",
  "confirm incoming-verified",
  "confirm files again",
  "confirm incoming again",
  "open",
  // Two files, with their names.
  "list",
  "remove",
] as const;
type Costs = Readonly<Record<(typeof OPERATIONS)[number], Cost>>;

const MINIO: Costs = {
  "confirm files": [1, 0],
  "confirm verified": [2, 0],
  "confirm incoming": [9, 0],
  "confirm incoming-verified": [10, 0],
  "confirm files again": [1, 0],
  "confirm incoming again": [3, 0],
  open: [1, 0],
  list: [3, 0],
  remove: [6, 0],
};

const EXPECTED: Readonly<Record<string, Costs>> = {
  minio: MINIO,
  "minio, with versions": MINIO,
  gcs: {
    ...MINIO,
    "confirm incoming": [7, 0],
    "confirm incoming-verified": [8, 0],
  },
  // Azurite gives no length of its 404, after which a connection cannot be kept.
  azure: {
    ...MINIO,
    "confirm incoming": [8, 1],
    "confirm incoming-verified": [9, 3],
    "confirm incoming again": [3, 2],
    open: [1, 1],
    list: [3, 1],
    remove: [5, 0],
  },
};

describe.each(Object.entries(STORES).filter(([, open]) => open !== undefined))(
  "%s",
  (name, open) => {
    let front: Awaited<ReturnType<typeof startFaultyServer>>;
    let opened: Awaited<ReturnType<typeof openStore>>;
    let cases: ReturnType<typeof useCases>;
    const counting: Front = async (target) => {
      front = await startFaultyServer(target);
      return front.url;
    };
    beforeAll(async () => {
      const layer = await (open ?? expect.unreachable())(counting);
      opened = await openStore({ name, without: ["two endpoints"] }, async () => ({
        layer: Layer.provide(layer, quiet),
        bucket: "",
      }));
      cases = useCases(opened);
      return async () => {
        await opened.close();
        await front.close();
      };
    });

    const sent = async (policy: string) => {
      const contentType = MediaType.make("image/gif");
      const size = ByteSize.make(GIF.length);
      const granted = await cases.grant({ contentType, size }, policy);
      await upload({ ...granted.put, body: GIF });
      return granted;
    };

    /** The time at which all happens, so that what is remembered for seconds stays so. */
    const call = { at: Date.now() };
    const confirm = async ({ receipt }: { readonly receipt: string }) =>
      done(await cases.confirm(receipt, call));
    const openIt = (key: string) =>
      cases.run((member) => openFile({ member, key, isLookedFor: true }), call);
    const list = () => cases.run((member) => listFiles({ member, details: true, limit: 2 }), call);

    async function measure() {
      const requests: Record<string, string> = {};
      const costs: Record<string, Cost> = {};
      const count = async (
        name: (typeof OPERATIONS)[number],
        operation: () => Promise<unknown>,
      ) => {
        const { state } = front;
        state.arrived.length = 0;
        state.connections = 0;
        await operation();
        costs[name] = [state.arrived.length, state.connections];
        requests[name] = state.arrived.join(", ");
      };
      for (const policy of ["files", "verified", "incoming", "incoming-verified"] as const) {
        const granted = await sent(policy);
        await count(`confirm ${policy}`, () => confirm(granted));
      }
      for (const policy of ["files", "incoming"] as const) {
        const granted = await sent(policy);
        await confirm(granted);
        await count(`confirm ${policy} again`, () => confirm(granted));
      }
      const { key } = await sent("files");
      await count("open", () => openIt(key));
      await count("list", list);
      await count("remove", () => cases.remove(key, call));
      return { costs, requests };
    }

    it("asks the store no more often than before, over connections that are open", async () => {
      await measure();
      const { costs, requests } = await measure();
      expect(costs, JSON.stringify(requests, undefined, 2)).toEqual(EXPECTED[name]);
    });
  },
);
