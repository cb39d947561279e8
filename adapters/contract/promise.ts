import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type {
  GetRequest,
  Presigner,
  PutRequest,
  SignedRequest,
} from "../../application/ports/presigner.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { format, type StorageKey } from "../../domain/storage-key.ts";
import { type Answer, send } from "../support/send.ts";
import { type OpenStore, stores, type StoreUnderTest } from "./stores.ts";

/** What a promise is checked with: one store, and one key that nothing is stored under yet. */
export interface Subject {
  readonly key: StorageKey;
  readonly bucket: string;
  readonly presigner: Presigner["Service"];
  readonly store: ObjectStore["Service"];
  /** Keeps headers of a PUT that nobody was granted, and serves them with the object. */
  readonly keepsExtraHeaders: boolean;
  /** What the presigner says that the store verifies. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** With what the store answers a request that was not granted. */
  readonly refusals: ReadonlyArray<number>;
  /** Signs a PUT of `CONTENT` as a PNG for browsers, but for what is said otherwise. */
  readonly signPut: (over?: Partial<PutRequest> & Moment) => Promise<SignedRequest>;
  /** Signs a GET for browsers, but for what is said otherwise. */
  readonly signGet: (over?: Partial<GetRequest> & Moment) => Promise<SignedRequest>;
  /** Checks that the store refused, as it does unless said otherwise, and kept nothing. */
  readonly expectRefused: (answer: Answer, statuses?: ReadonlyArray<number>) => Promise<void>;
  /** Checks that the object is there, byte for byte. */
  readonly expectStored: (content?: Uint8Array) => Promise<void>;
}

interface Moment {
  /** When the signature is made, in milliseconds since 1970; now by default. */
  readonly signedAt?: number;
}

/** What is uploaded: bytes that are neither text nor of a round length. */
export const CONTENT: Uint8Array = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
export const PNG: MediaType = MediaType.make("image/png");
export const MINUTE: Lifetime = Lifetime.make(Duration.minutes(1));

/** Tests one promise on every store that `has` what it needs; a store that is not here is skipped. */
export function promise(
  title: string,
  check: (subject: Subject) => Promise<void>,
  has: (store: StoreUnderTest) => boolean = () => true,
): void {
  describe.each(stores.filter(has))("$name", (under) => {
    const { open } = under;
    let store: OpenStore | undefined;
    beforeAll(async () => {
      store = await open?.();
    });
    afterAll(() => store?.close());

    it.skipIf(open === undefined)(title, async () => {
      if (store === undefined) throw new Error("the store did not open");
      await check(subjectOf(store, under));
    });
  });
}

/** A key that nothing is stored under yet. */
export const newKey = (): StorageKey =>
  format({
    organization: OrganizationId.make("acme"),
    year: 2026,
    month: 11,
    uuid: crypto.randomUUID(),
    extension: ".png",
  });

/** A PUT of `CONTENT` as a PNG for browsers, within a minute. */
export const putRequest = (key = newKey()): PutRequest => ({
  key,
  mediaType: PNG,
  size: ByteSize.make(CONTENT.length),
  writeOnce: false,
  strict: false,
  lifetime: MINUTE,
  minLifetime: MINUTE,
  audience: "public",
});

function subjectOf(
  { presigner, store, bucket }: OpenStore,
  { refusals, keepsExtraHeaders }: StoreUnderTest,
): Subject {
  const key = newKey();
  const signGet: Subject["signGet"] = ({ signedAt, ...over } = {}) =>
    at(
      signedAt,
      presigner.get({
        key,
        lifetime: MINUTE,
        minLifetime: MINUTE,
        audience: "public",
        responseMediaType: PNG,
        responseDisposition: "inline",
        ...over,
      }),
    );
  const read = async () => send("GET", (await signGet()).url);
  return {
    key,
    bucket,
    presigner,
    store,
    keepsExtraHeaders,
    checksums: presigner.checksums,
    refusals,
    signGet,
    signPut: ({ signedAt, ...over } = {}) =>
      at(signedAt, presigner.put({ ...putRequest(key), ...over })),
    expectRefused: async (answer, statuses = refusals) => {
      expect(statuses, answer.body.toString()).toContain(answer.status);
      expect((await read()).status).toBe(404);
    },
    expectStored: async (content = CONTENT) => {
      const { status, body } = await read();
      expect(status).toBe(200);
      expect(body.equals(content)).toBe(true);
    },
  };
}

/** Runs under a clock that stands at `moment`, or under the real one. */
function at<A, E>(moment: number | undefined, effect: Effect.Effect<A, E>): Promise<A> {
  return Effect.runPromise(
    moment === undefined
      ? effect
      : Effect.andThen(TestClock.setTime(moment), effect).pipe(Effect.provide(TestClock.layer())),
  );
}
