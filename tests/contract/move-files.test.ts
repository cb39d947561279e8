import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendTo } from "../../adapters/cli/move/send-bytes.ts";
import { CONTENT, getRequest, OTHER, PNG } from "../../adapters/contract/sending/uploads.ts";
import { send, upload } from "../../adapters/contract/sending/send.ts";
import { openStore } from "../../adapters/contract/subject/subject.ts";
import { done, useCases } from "../../adapters/contract/subject/use-cases.ts";
import { copyBetween } from "../../adapters/storage/s3/copy-between.ts";
import { listFiles } from "../../application/files/list-files.ts";
import { type MovedObject, moveFiles } from "../../application/files/move-files.ts";
import { bothStores, type StorePorts } from "../../application/store/both-stores.ts";
import { aroundStore } from "../../application/store/store-calls.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { incomingKey, type StorageKey } from "../../domain/storage-key.ts";
import { isFullRun } from "../support/full-run.ts";
import { stores } from "./stores.ts";

const harness = (name: string) => stores.find((store) => store.name === name);

const POLICIES = ["files", "incoming"] as const;

interface Pair {
  readonly from: string;
  readonly to: string;
  /** The service of both copies. */
  readonly inside?: true;
}

const PAIRS: ReadonlyArray<Pair> = [
  { from: "local", to: "local" },
  { from: "local", to: "minio" },
  { from: "minio", to: "minio", inside: true },
  { from: "minio", to: "minio, with versions" },
  { from: "minio, with versions", to: "azure, account key" },
  { from: "minio", to: "gcs, service account" },
  { from: "azure, account key", to: "minio" },
];

const OLD = Buffer.from(CONTENT);
const NEW = Buffer.from(OTHER);

/** Called before and after each call of the mover to a store. */
type Hook = (call: string) => Effect.Effect<void>;
const NO_HOOK: Hook = () => Effect.void;

/** Two stores, and organizations that move from one to the other. */
async function openPair({ from: fromName, to: toName, inside }: Pair) {
  const [from, to] = [await open(fromName), await open(toName)];
  const copy =
    inside && from.s3 && to.s3 && to.store.parts
      ? await Effect.runPromise(copyBetween(from.s3, to.s3, to.store.parts))
      : undefined;
  expect(copy !== undefined).toBe(inside === true);
  const secret = randomBytes(32);

  const organize = () => {
    const organization = OrganizationId.make(`move-${crypto.randomUUID().slice(0, 8)}`);
    const old = useCases({ ...from, organization }, secret);
    const both = bothStores(to, from);
    const now = useCases({ ...both, organization }, secret);
    const move = async (hook: Hook = NO_HOOK) => {
      const moved: Array<MovedObject> = [];
      const hooked = (side: StorePorts): StorePorts => ({
        presigner: side.presigner,
        store: aroundStore(side.store, ({ name }, made) =>
          Effect.andThen(hook(name), Effect.tap(made, hook(name))),
        ),
      });
      const { waiting } = await Effect.runPromise(
        moveFiles({
          organization,
          from: hooked(from),
          to: hooked(to),
          copy:
            copy && ((file) => Effect.andThen(hook("copy"), Effect.tap(copy(file), hook("copy")))),
          send: (request, bytes) =>
            Effect.andThen(hook("send"), Effect.tap(sendTo()(request, bytes), hook("send"))),
          report: (object) => void moved.push(object),
        }),
      );
      const count = (kind: MovedObject["outcome"]) =>
        moved.filter(({ outcome }) => outcome === kind).length;
      return { moved, waiting, count };
    };
    /** Stores a file in the old store: sent to its key, or confirmed from `incoming/`. */
    const fill = async (policy: "files" | "incoming" | "large", body = CONTENT) => {
      const granted = await old.grant({ policy, size: ByteSize.make(body.length) });
      await upload({ ...granted.put, body });
      done(await old.confirm(granted.receipt));
      return granted;
    };
    const listed = async () => {
      const { files } = await now.granted((member) => listFiles({ member }));
      return files.map(({ key }) => key);
    };
    return { old, now, both, move, fill, listed };
  };
  return { from, to, organize };
}

for (const pair of PAIRS) {
  const isThere = [pair.from, pair.to].every((name) => harness(name)?.open !== undefined);
  const how = pair.inside ? " by its own copy" : "";
  describe.skipIf(!isThere)(`from ${pair.from} to ${pair.to}${how}`, () => {
    let opened: Awaited<ReturnType<typeof openPair>>;
    beforeAll(async () => {
      opened = await openPair(pair);
    });
    afterAll(async () => {
      await opened?.from.close();
      await opened?.to.close();
    });

    it("each file is copied with its bytes, its type and its names, once", async () => {
      const { from, to, organize } = opened;
      const { move, fill } = organize();
      const large = randomBytes(16 * 2 ** 20 + 7);
      const files = [
        { ...(await fill("files")), body: CONTENT, isNamed: false },
        { ...(await fill("incoming", OTHER)), body: OTHER, isNamed: true },
        { ...(await fill("large", large)), body: large, isNamed: false },
      ];
      const first = await move();
      expect(first.moved.filter(({ outcome }) => outcome !== "copied")).toEqual([]);
      expect(first.moved).toHaveLength(3);
      for (const { key, body, isNamed } of files) {
        const [before, after] = [await head(from, key), await head(to, key)];
        expect(after).toMatchObject({ size: body.length, contentType: PNG, extraHeaders: {} });
        expect(typeof before?.names).toBe(isNamed ? "string" : "undefined");
        expect(after?.names).toBe(before?.names);
        expect((await bytes(to, key))?.equals(body)).toBe(true);
        expect(await Effect.runPromise(to.store.head(incomingKey(key)))).toEqual(Option.none());
      }
      const second = await move();
      expect([second.count("there"), second.moved.length]).toEqual([3, 3]);
      for (const { key, body } of files) expect((await bytes(to, key))?.equals(body)).toBe(true);
    });

    it("a file that was sent again since is copied again", async () => {
      const { from, to, organize } = opened;
      const { move, fill } = organize();
      if (!from.has("repeated PUT")) return;
      const { key, put } = await fill("files");
      await move();
      await upload({ ...put, body: OTHER });
      expect((await move()).count("copied")).toBe(1);
      expect((await bytes(to, key))?.equals(OTHER)).toBe(true);
      expect((await move()).count("there")).toBe(1);
    });

    it("an upload that waits is confirmed where it began, and moved after that", async () => {
      const { from, to, organize } = opened;
      const { move, old } = organize();
      const { key, put, receipt } = await old.grant({ policy: "incoming" });
      await upload(put);
      expect(await move()).toMatchObject({ moved: [], waiting: 1 });
      done(await old.confirm(receipt));
      expect(await move()).toMatchObject({ waiting: 0 });
      expect((await head(to, key))?.names).toBe((await head(from, key))?.names);
      expect((await bytes(to, key))?.equals(CONTENT)).toBe(true);
    });

    /** Points before and after each call of a move of one file; a quick run takes some of them. */
    const pointsOf = async (policy: (typeof POLICIES)[number]) => {
      const { move, fill } = opened.organize();
      await fill(policy);
      let calls = 0;
      await move(() => Effect.sync(() => void calls++));
      const stride = isFullRun ? 1 : Math.ceil(calls / 4);
      const all = Array.from({ length: calls }, (_, point) => point);
      return all.filter((point) => point % stride === stride - 1);
    };
    it.each(POLICIES)("killed at any step, it goes on (%s)", async (policy) => {
      for (const point of await pointsOf(policy)) {
        const { move, fill, both } = opened.organize();
        const files = [await fill(policy), await fill(policy)];
        await expect(move(hookAt(Infinity, nothing, point))).rejects.toBe(KILLED);
        for (const { key } of files) expect(await bytes(both, key), `${point}`).toEqual(OLD);
        const { count } = await move();
        expect(count("copied") + count("there"), `${point}`).toBe(2);
        for (const { key } of files) expect(await bytes(opened.to, key), `${point}`).toEqual(OLD);
      }
    });

    it.each(POLICIES)(
      "a file that is removed at any step does not come back (%s)",
      async (policy) => {
        for (const point of await pointsOf(policy)) {
          for (const killedAt of [Infinity, point + 1]) {
            const { move, fill, now, listed, both } = opened.organize();
            const { key } = await fill(policy);
            const kept = await fill(policy);
            const remove = once(async () => done(await now.remove(key)));
            await move(hookAt(point, remove, killedAt)).catch(() => undefined);
            await remove();
            const context = `${point}, killed at ${killedAt}`;
            if (killedAt < Infinity) {
              // A store that is slow to answer is passed over.
              await expect.poll(() => head(both, key), { message: context }).toBeUndefined();
              await move();
            }
            expect(await head(opened.to, key), context).toBeUndefined();
            expect(await head(opened.from, key), context).toBeUndefined();
            expect(await listed(), context).toEqual([kept.key]);
          }
        }
      },
    );

    it("a file that is sent again at any step is moved as it was sent last", async () => {
      if (!opened.from.has("repeated PUT")) return;
      for (const point of await pointsOf("files")) {
        for (const killedAt of [Infinity, point + 1]) {
          const { move, fill, both } = opened.organize();
          const { key, put } = await fill("files");
          const again = once(() => upload({ ...put, body: OTHER }));
          await move(hookAt(point, again, killedAt)).catch(() => undefined);
          await again();
          const context = `${point}, killed at ${killedAt}`;
          await expect.poll(() => bytes(both, key), { message: context }).toEqual(NEW);
          if (killedAt < Infinity) await move();
          // What came after its last look is for the next run.
          if ((await bytes(opened.to, key))?.equals(OTHER) !== true) await move();
          expect(await bytes(opened.to, key), context).toEqual(NEW);
        }
      }
    });
  });
}

/** Does something at a point, and is killed at another. */
const hookAt = (point: number, act: () => Promise<unknown>, killedAt = Infinity): Hook => {
  let passed = 0;
  return () =>
    Effect.suspend(() => {
      const now = passed++;
      if (now >= killedAt) return Effect.die(KILLED);
      return now === point ? Effect.promise(act) : Effect.void;
    });
};
const KILLED = new Error("killed");
const nothing = async () => undefined;
/** Also for whoever waits for what a killed move has left under way. */
const once = <A>(act: () => Promise<A>) => {
  let acting: Promise<A> | undefined;
  return () => (acting ??= act());
};

const head = async (side: StorePorts, key: StorageKey) =>
  Option.getOrUndefined(await Effect.runPromise(side.store.head(key)));

const bytes = async (side: StorePorts, key: StorageKey) => {
  const { url } = await Effect.runPromise(side.presigner.get(getRequest(key)));
  const { status, body } = await send("GET", url);
  return status === 200 ? body : undefined;
};

const open = async (name: string) => {
  const chosen = harness(name);
  if (chosen?.open === undefined) throw new Error(`${name} is not there`);
  return openStore(chosen, chosen.open);
};
