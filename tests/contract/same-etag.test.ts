import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as References from "effect/References";
import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Harness } from "../../adapters/contract/subject/harness.ts";
import { openStore } from "../../adapters/contract/subject/subject.ts";
import { send, sendPut } from "../../adapters/contract/sending/send.ts";
import { getRequest, UPLOAD } from "../../adapters/contract/sending/uploads.ts";
import { useCases } from "../../adapters/contract/subject/use-cases.ts";
import { forgetOrganization } from "../../application/files/forget-organization.ts";
import { removeFile } from "../../application/files/remove-file.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Policies } from "../../application/ports/policies.ts";
import { type FileScanner, Scanner } from "../../application/ports/scanner.ts";
import { aroundStore } from "../../application/store/store-calls.ts";
import { confirmUpload } from "../../application/uploads/confirm-upload.ts";
import { requestUpload } from "../../application/uploads/request-upload.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { incomingKey } from "../../domain/storage-key.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";
import { stores } from "./stores.ts";

// What tests/model found: a URL that writes once writes again after what waited was removed, and
// where the ETag is the MD5, other bytes with the same one are then copied in place of the scanned.

/** "How to Break MD5 and Other Hash Functions", Wang and Yu, 2005. */
const CLEAN = Buffer.from(
  "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a" +
    "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0" +
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
  "hex",
);
const INFECTED = CLEAN.map((byte, at) =>
  [19, 45, 59, 83, 109, 123].includes(at) ? byte ^ 0x80 : byte,
);

const md5 = (body: Uint8Array) => createHash("md5").update(body).digest("hex");

const isTried = ({ name, open }: Harness) =>
  open !== undefined && (name === "local" || name === "minio");

describe.each(stores.filter(isTried))("$name", (harness) => {
  let opened: Awaited<ReturnType<typeof openStore>>;
  beforeAll(async () => {
    opened = await openStore(harness, harness.open ?? expect.unreachable());
    return () => opened.close();
  });

  /** An upload, and two processes that confirm it; `onScan` runs when one has read what it scans. */
  async function begin(onScan: (body: Buffer, by: number) => Promise<unknown>) {
    const { presigner, store } = opened;
    const policy = {
      ...defaultPolicy,
      arrival: "incoming",
      writeOnce: true,
      verifyContent: false,
      scan: "clamd",
      onInfected: "delete",
    } as const;
    const secret = randomBytes(32);
    const processes = [0, 1].map((by) => {
      const scanner: FileScanner = {
        check: Effect.void,
        scan: Effect.fnUntraced(function* (open) {
          const file = yield* Effect.flatMap(open, (bytes) => Effect.promise(() => buffer(bytes)));
          yield* Effect.promise(() => onScan(file, by));
          return file.equals(INFECTED) ? { infected: "Test" } : "clean";
        }),
      };
      const watched = aroundStore(store, ({ name }, call) =>
        Effect.tap(call, () => (name === "copy" ? Effect.promise(read) : Effect.void)),
      );
      const { run, granted } = useCases({ presigner, store: ObjectStore.of(watched) }, secret);
      const inPolicy = <A, E, R>(use: Effect.Effect<A, E, R>) =>
        use.pipe(
          Effect.provideService(Policies, new Map([["files", policy]])),
          Effect.provideService(Scanner, scanner),
          Effect.provideService(References.MinimumLogLevel, "None"),
        );
      const ask: typeof run = (use) => run((member) => inPolicy(use(member)));
      const grant: typeof granted = (use) => granted((member) => inPolicy(use(member)));
      return { ask, grant };
    });
    const [first, second] = processes;
    if (first === undefined || second === undefined) expect.unreachable();
    const upload = { ...UPLOAD, size: ByteSize.make(CLEAN.length) };
    const { key, put, receipt } = await first.grant((member) => requestUpload({ member, upload }));
    const get = await Effect.runPromise(presigner.get(getRequest(key)));
    const read = async () => {
      const { status, body } = await send("GET", get.url);
      if (status === 200) expect(body.equals(CLEAN), "infected, and served").toBe(true);
    };
    return {
      read,
      put: async (body: Uint8Array) => (await sendPut({ ...put, body })).status,
      confirm: ({ ask }: typeof first) => ask((member) => confirmUpload({ member, receipt })),
      remove: () => second.ask((member) => Effect.as(removeFile({ member, key }), {})),
      forget: () =>
        second.ask(({ organization }) =>
          Effect.as(
            forgetOrganization({
              organization,
              apply: true,
              keepsMarks: true,
              report: () => undefined,
            }),
            {},
          ),
        ),
      waiting: async () =>
        Option.getOrUndefined(await Effect.runPromise(store.head(incomingKey(key)))),
      first,
      second,
    };
  }

  it("both bodies have one ETag", () => {
    expect([md5(INFECTED), CLEAN.equals(INFECTED)]).toEqual([md5(CLEAN), false]);
  });

  it.each([
    ["removed", "remove"],
    ["forgotten", "forget"],
  ] as const)(
    "what takes the place of a %s upload while that is scanned is never served",
    async (_, end) => {
      const life = await begin(async () => {
        expect(await life[end]()).toEqual({ _tag: "Done" });
        expect(await life.put(INFECTED)).toBe(200);
      });
      expect(await life.put(CLEAN)).toBe(200);
      expect((await life.confirm(life.first))._tag).not.toBe("Done");
      await life.read();
      expect((await life.confirm(life.second))._tag).toBe("OrganizationNotFound");
    },
  );

  it("what takes the place of a refused upload while another is scanned is never served", async () => {
    const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const [begun, goesOn] = ends;
    const life = await begin(async (body, by) => {
      // The second is slow: the first refuses the upload before it does.
      if (by === 1) {
        begun.resolve();
        await goesOn.promise;
      } else if (body.equals(CLEAN)) {
        goesOn.resolve();
        await refusing;
        await life.put(INFECTED);
      }
    });
    expect(await life.put(INFECTED)).toBe(200);
    const refusing = life.confirm(life.second);
    await begun.promise;
    expect((await life.confirm(life.first))._tag).toBe("UploadRefusedByScan");
    expect((await life.waiting())?.size, "the place is free").toBe(0);
    await life.put(CLEAN);
    expect((await life.confirm(life.first))._tag).toBe("UploadMismatch");
    goesOn.resolve();
    expect((await refusing)._tag).toBe("UploadRefusedByScan");
    await life.read();
  });
});
