import * as Effect from "effect/Effect";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Option from "effect/Option";
import { type ObjectRef, ObjectStore } from "../../../application/ports/object-store.ts";
import {
  type GetRequest,
  Presigner,
  type PutRequest,
} from "../../../application/ports/presigner.ts";
import { incomingKey, type ObjectKey, type StorageKey } from "../../../domain/storage-key.ts";
import { errorReason } from "../../values/thrown.ts";
import { S3Access } from "../../storage/s3/access.ts";
import { assertBytes, assertStatus } from "../sending/assertions.ts";
import { ABILITIES, type Ability } from "../../../application/ports/abilities.ts";
import type { Harness, OpenStore } from "./harness.ts";
import { type Put, send, sendPut, upload } from "../sending/send.ts";
import { CONTENT, getRequest, newKey, PNG, putRequest } from "../sending/uploads.ts";
import { type Defaults, runAt, useCases } from "./use-cases.ts";

export interface BuiltStore
  extends Omit<Awaited<ReturnType<typeof openStore>>, "close" | "layer">, Partial<Defaults> {}

/** Opens the store of a harness, whose layer is built until `close`. */
export async function openStore(
  harness: Pick<Harness, "name" | "refusals" | "without">,
  open: () => Promise<OpenStore>,
  signal?: AbortSignal,
) {
  const { name, refusals = [403] } = harness;
  const opened = await open();
  const runtime = ManagedRuntime.make(opened.layer);
  const close = async () => {
    await runtime.dispose();
    await opened.close?.();
  };
  const has = hasFrom(harness);
  try {
    if (has("two endpoints") && opened.origins === undefined) throw new Error(NO_ORIGINS);
    const services = Effect.all({
      presigner: Presigner,
      store: Effect.tap(ObjectStore, ({ ensureBucket }) => ensureBucket),
      /** Undefined where the store has another API than that of S3. */
      s3: Effect.map(Effect.serviceOption(S3Access), Option.getOrUndefined),
    });
    const ports = await runtime.runPromise(services, { ...(signal && { signal }) });
    return { ...opened, ...ports, has, refusals, close };
  } catch (cause) {
    await close();
    throw new Error(`${name} could not be opened: ${errorReason(cause)}`, { cause });
  }
}

const NO_ORIGINS =
  'open() gives no "origins", which tests of two endpoints need; give it, or say without: ["two endpoints"]';

export const hasFrom =
  ({ without = [] }: Pick<Harness, "without">) =>
  (ability: Ability): boolean =>
    !without.includes(ability);

export function requireAbilities({ name, without = [] }: Harness): void {
  const unknown = without.filter((ability) => !ABILITIES.includes(ability));
  if (unknown.length > 0) {
    throw new Error(
      `${name}: nothing is called ${unknown.join(", ")}; "without" takes ${ABILITIES.join(", ")}`,
    );
  }
}

/** Requires that a store has each group of calls exactly if it has the ability. */
export function requireCalls({ name }: Pick<Harness, "name">, { store, presigner }: Ports): void {
  const calls = {
    reads: store.read,
    copies: store.copies,
    multipart: store.parts && presigner.part,
    "scan tags": store.scanTag,
    "scoped credentials": store.credentials,
  };
  for (const [ability, group] of Object.entries(calls)) {
    const has = store.abilities.has(ability as Ability);
    if (has === (group !== undefined)) continue;
    throw new Error(
      `${name}: "${ability}" is ${has ? "" : "not "}among its abilities, and it has ${has ? "no such calls" : "the calls"}`,
    );
  }
}

interface Ports {
  readonly store: ObjectStore["Service"];
  readonly presigner: Presigner["Service"];
}

/** When a request is signed, in milliseconds since 1970; now by default. */
type SignedAt = { readonly signedAt?: number };

/** The subject of a promise: one store, and one key without an object. */
export type Subject = ReturnType<typeof newSubject>;

interface Opened {
  readonly get: { readonly url: string };
}

/** A new key in the store, with the steps of a test. */
export function newSubject(built: BuiltStore) {
  const { presigner, store, refusals, absent = [404] } = built;
  const own = newKey(built.organization);
  /** Signs a PUT of `CONTENT` as a PNG for browsers, with the given changes. */
  const signPut = ({ signedAt: at, ...over }: Partial<PutRequest> & SignedAt = {}) =>
    runAt({ at }, presigner.put({ ...putRequest(own), ...over }));
  const signGet = ({ signedAt: at, ...over }: Partial<GetRequest> & SignedAt = {}) =>
    runAt({ at }, presigner.get({ ...getRequest(own), ...over }));
  const read = async (over?: Parameters<typeof signGet>[0]) =>
    send("GET", (await signGet(over)).url);
  const expectContent = async (content = CONTENT, key = own) => {
    const answer = await read({ key });
    assertStatus(answer, [200]);
    assertBytes(answer, content);
  };
  const cases = useCases(built);
  const expectNothing = async (key = own) => assertStatus(await read({ key }), absent);
  return {
    ...built,
    ...cases,
    absent,
    key: own,
    signPut,
    signGet,
    /** Grants an upload, and sends it. */
    stored: async (...granting: Parameters<typeof cases.grant>) => {
      const granted = await cases.grant(...granting);
      await upload(granted.put);
      return granted;
    },
    /** Checks and returns the file by the signed GET of its grant, or of its confirm. */
    expectFile: async ({ get }: Opened, content = CONTENT) => {
      const answer = await send("GET", get.url);
      assertBytes(answer, content);
      return answer;
    },
    /** Checks that nothing is there. */
    expectGone: async ({ get }: Opened) => assertStatus(await send("GET", get.url), absent),
    put: async (over?: Parameters<typeof signPut>[0]) => upload(await signPut(over)),
    read,
    head: async (key: ObjectKey = own) =>
      Option.getOrThrow(await Effect.runPromise(store.head(key))),
    find: async (key: ObjectKey) => Option.getOrUndefined(await Effect.runPromise(store.head(key))),
    /** Copies what waits for a key to its place, or another's, as a confirm does that looked before. */
    copyWaiting: async (to: StorageKey, looked: Omit<ObjectRef, "key">, from = to) => {
      const copied = store.copies?.copy({
        ...looked,
        key: incomingKey(from),
        to,
        contentType: PNG,
      });
      return Effect.runPromise(copied ?? Effect.die("the store does not copy"));
    },
    /** Checks that a PUT is refused, with the usual statuses by default, and nothing is stored. */
    expectRefused: async (put: Put, statuses = refusals) => {
      assertStatus(await sendPut(put), statuses);
      await expectNothing();
    },
    expectStored: async (put: Put) => {
      await upload(put);
      await expectContent(put.body);
    },
    expectContent,
    expectNothing,
  };
}
