import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type {
  GetRequest,
  Presigner,
  PutRequest,
  SignedPut,
  SignedRequest,
} from "../../../application/ports/presigner.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import type { S3Access } from "../rest/s3-access.ts";
import { assertBytes, assertStatus } from "./assertions.ts";
import type { Ability, OpenStore } from "./harness.ts";
import { type Put, sendPut, upload } from "./put.ts";
import { CONTENT, getRequest, newKey, putRequest } from "./sample-upload.ts";
import { send } from "./send.ts";
import { type UseCases, useCases } from "./use-cases.ts";

/** The subject of a promise: one store, and one key without an object. */
export interface Subject extends BuiltStore, UseCases {
  readonly key: StorageKey;
  /** Signs a PUT of `CONTENT` as a PNG for browsers, with the given changes. */
  readonly signPut: (over?: Partial<PutRequest> & Moment) => Promise<SignedPut>;
  /** Signs a GET for browsers, with the given changes. */
  readonly signGet: (over?: Partial<GetRequest> & Moment) => Promise<SignedRequest>;
  /**
   * Sends a PUT, and checks that the store refuses it, with one of the given statuses or its usual
   * ones, and stores nothing.
   */
  readonly expectRefused: (put: Put, statuses?: ReadonlyArray<number>) => Promise<void>;
  /** Sends a PUT, and checks that its body is stored, byte for byte. */
  readonly expectStored: (put: Put) => Promise<void>;
  /** Checks that exactly these bytes are stored; `CONTENT` by default. */
  readonly expectContent: (content?: Uint8Array) => Promise<void>;
}

/** A store whose layer is built. */
export interface BuiltStore extends Omit<OpenStore, "layer" | "close"> {
  readonly presigner: Presigner["Service"];
  readonly store: ObjectStore["Service"];
  /** Undefined where the store has another API than that of S3. */
  readonly s3: S3Access["Service"] | undefined;
  readonly has: (ability: Ability) => boolean;
  /** The statuses by which the store answers a request that was not granted. */
  readonly refusals: ReadonlyArray<number>;
}

interface Moment {
  /** When the signature is made, in milliseconds since 1970; now by default. */
  readonly signedAt?: number;
}

/** A new key in the store, with what a test can do with it. */
export function subjectOf(built: BuiltStore): Subject {
  const { presigner, refusals } = built;
  const key = newKey();
  const signGet: Subject["signGet"] = ({ signedAt, ...over } = {}) =>
    at(signedAt, presigner.get({ ...getRequest(key), ...over }));
  const read = async () => send("GET", (await signGet()).url);
  const expectContent: Subject["expectContent"] = async (content = CONTENT) => {
    const answer = await read();
    assertStatus(answer, [200]);
    assertBytes(answer, content);
  };
  return {
    ...built,
    ...useCases(built),
    key,
    signGet,
    signPut: ({ signedAt, ...over } = {}) =>
      at(signedAt, presigner.put({ ...putRequest(key), ...over })),
    expectRefused: async (put, statuses = refusals) => {
      assertStatus(await sendPut(put), statuses);
      assertStatus(await read(), [404]);
    },
    expectStored: async (put) => {
      await upload(put);
      await expectContent(put.body);
    },
    expectContent,
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
