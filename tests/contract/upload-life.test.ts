import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import fc from "fast-check";
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { Harness } from "../../adapters/storage/contract/harness.ts";
import { openStore } from "../../adapters/storage/contract/subject.ts";
import { send, sendPut } from "../../adapters/storage/contract/send.ts";
import { CONTENT, getRequest, OTHER, UPLOAD } from "../../adapters/storage/contract/uploads.ts";
import { UNKNOWN, useCases } from "../../adapters/storage/contract/use-cases.ts";
import { completeMultipart } from "../../application/complete-multipart.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { signParts } from "../../application/sign-parts.ts";
import { startMultipart } from "../../application/start-multipart.ts";
import { aroundStore } from "../../application/store-calls.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { incomingKey } from "../../domain/storage-key.ts";
import { isFullRun } from "../support/full-run.ts";
import { ownServer } from "./own-server.ts";
import { stores } from "./stores.ts";

// The life of one upload that waits until it is confirmed, in any order of what may happen to it:
// by the holder of its URLs, by two processes of the service, and by their end between two calls.

type Command =
  | { readonly do: "put"; readonly body: 0 | 1 }
  | { readonly do: "remove" }
  | { readonly do: "both" }
  | {
      readonly do: "confirm";
      readonly by: 0 | 1;
      /** Before (even) or after (odd) a call to the store. */
      readonly at: number;
      readonly event: (typeof EVENTS)[number];
    };
const EVENTS = ["nothing", "put", "crash", "confirm", "confirm and put", "remove"] as const;
interface Life {
  readonly way: "put" | "parts";
  readonly commands: ReadonlyArray<Command>;
}

const BODIES = [CONTENT, OTHER];
/** What was once found to be wrong. */
const FOUND: ReadonlyArray<Life> = [
  // Another process made the file between the two looks of the first, which found neither.
  {
    way: "put",
    commands: [
      { do: "put", body: 0 },
      { do: "confirm", by: 0, at: 1, event: "confirm" },
    ],
  },
];

const bit = fc.constantFrom(0 as const, 1 as const);
const life: fc.Arbitrary<Life> = fc.record({
  way: fc.constantFrom("put", "put", "parts"),
  commands: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant("put" as const), body: bit }) },
      { weight: 1, arbitrary: fc.constant({ do: "remove" as const }) },
      { weight: 1, arbitrary: fc.constant({ do: "both" as const }) },
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("confirm" as const),
          by: bit,
          at: fc.nat(20),
          event: fc.constantFrom(...EVENTS),
        }),
      },
    ),
    { minLength: 2, maxLength: 8 },
  ),
});

type Opened = Awaited<ReturnType<typeof openStore>>;
type Hook = (call: string) => Promise<unknown>;
const NONE: Hook = async () => undefined;

/** A process of the service, which does something else between its calls to the store. */
function startProcess({ presigner, store }: Opened, secret: Uint8Array) {
  const own = { hook: NONE };
  const hook = (name: string) => Effect.suspend(() => Effect.promise(() => own.hook(name)));
  const hooked = aroundStore(store, ({ name }, call) =>
    hook(name).pipe(Effect.andThen(call), Effect.tap(hook(name))),
  );
  return { ...useCases({ presigner, store: ObjectStore.of(hooked) }, secret), own };
}

async function live(opened: Opened, { way, commands }: Life): Promise<void> {
  const secret = randomBytes(32);
  const processes = [startProcess(opened, secret), startProcess(opened, secret)] as const;
  const [{ granted, grant, remove }] = processes;

  /** Of the newest PUT. */
  let etag: string | undefined;
  const begin = async () => {
    if (way === "put") {
      const { key, put, receipt } = await grant({}, "incoming");
      return { key, put, confirm: (by: 0 | 1) => processes[by].confirm(receipt) };
    }
    const { key, upload } = await granted((member) =>
      startMultipart({ member, policy: "incoming", upload: UPLOAD }),
    );
    const first = { partNumber: PartNumber.make(1), checksum: undefined };
    const signed = await granted((member) => signParts({ member, upload, parts: [first] }));
    const parts = () => (etag === undefined ? [] : [{ ...first, etag }]);
    const put = signed.parts[0]?.put ?? expect.unreachable();
    const confirm = (by: 0 | 1) =>
      processes[by].run((member) => completeMultipart({ member, upload, parts: parts() }));
    return { key, put, confirm };
  };
  const { key, put, confirm } = await begin();
  const get = await Effect.runPromise(opened.presigner.get(getRequest(key)));

  const sent = new Set<Uint8Array>();
  const now = { puts: 0, copying: false, removed: false, mayReturn: false };
  let file: Buffer | undefined;
  let answer: object | undefined;

  const look = async () => {
    const [before, { removed }] = [file, { ...now }];
    const { status, body } = await send("GET", get.url);
    if (status === 200 && !removed) {
      expect(now.copying, "readable before a confirm").toBe(true);
      const isWhole = [...sent].some((bytes) => body.equals(bytes));
      expect(isWhole, "half there").toBe(true);
      expect(body.equals(file ?? body), "changed").toBe(true);
      file = body;
    } else if (status === 200) expect(now.mayReturn, "came back").toBe(true);
    else if (!removed && !now.removed) expect([status, before], "lost").toEqual([404, undefined]);
  };
  const doPut = async (body: Uint8Array) => {
    now.puts += 1;
    sent.add(body);
    const { status, headers } = await sendPut({ ...put, body });
    if (status === 200) etag = headers.etag;
    now.puts += 1;
  };
  const doRemove = async () => {
    now.removed = true;
    await remove(key);
  };
  const doConfirm = async (by: 0 | 1) => {
    const [puts, wasThere, wasRemoved] = [now.puts, etag !== undefined, now.removed];
    const confirmed = await confirm(by);
    const { _tag } = confirmed;
    if (_tag === "Done") {
      const { version, size, final } = confirmed;
      const facts = { etag: confirmed.etag, version, size, final };
      expect(facts).toEqual(answer ?? { ...facts, final: true });
      answer = facts;
      expect(wasRemoved, "confirmed after its removal").toBe(false);
      await look();
      if (!now.removed) expect(file, "acknowledged, and not there").toBeDefined();
    } else {
      expect([...NOT_YET, ...(now.removed ? REMOVED : [])], JSON.stringify(confirmed)).toContain(
        _tag,
      );
      if (now.removed) return;
      // Nothing had arrived, or it was replaced meanwhile.
      expect(wasThere && puts === now.puts, `${_tag} though it is there`).toBe(false);
    }
  };

  for (const command of commands) {
    if (command.do === "put") await doPut(BODIES[command.body] ?? CONTENT);
    else if (command.do === "remove") await doRemove();
    else if (command.do === "both") {
      for (const { own } of processes) own.hook = noteCopy;
      await Promise.all([doConfirm(0), doConfirm(1)]);
    } else await interrupted(command);
    for (const { own } of processes) own.hook = NONE;
    await look();
  }

  async function noteCopy(name: string) {
    if (name === "copy") now.copying = true;
  }
  async function interrupted({ by, at, event }: Command & { do: "confirm" }) {
    const other = by === 0 ? 1 : 0;
    let passed = 0;
    const { own } = processes[by];
    processes[other].own.hook = noteCopy;
    const actions = {
      nothing: async () => undefined,
      put: () => doPut(OTHER),
      confirm: () => doConfirm(other),
      "confirm and put": () => doConfirm(other).then(() => doPut(OTHER)),
      remove: async () => {
        now.mayReturn = true;
        await doRemove();
      },
      crash: async () => {
        throw CRASH;
      },
    };
    own.hook = async (name) => {
      await noteCopy(name);
      if (passed++ === at) await actions[event]();
    };
    await doConfirm(by).catch((cause: unknown) => {
      if (cause !== CRASH) throw cause;
    });
    own.hook = NONE;
    now.mayReturn = false;
  }

  // At the end somebody confirms.
  for (const { own } of processes) own.hook = noteCopy;
  if (etag === undefined && !now.removed) await doPut(CONTENT);
  await doConfirm(0);
  await doConfirm(1);
  await look();
  if (now.removed) expect(await confirm(0)).toMatchObject(way === "put" ? UNKNOWN : {});
  else expect(file).toBeDefined();
  const left = () =>
    Effect.runPromise(Effect.map(opened.store.head(incomingKey(key)), Option.isSome));
  // In a bucket with versions, each confirm removes the newest of those that were replaced.
  for (let puts = 0; puts <= now.puts && !now.removed && (await left()); puts += 2)
    await doConfirm(0);
  if (!now.removed) expect(await left(), "left below incoming/").toBe(false);
}

const NOT_YET = ["UploadIncomplete", "PartsMissing", "InvalidUpload", "UploadMismatch"];
const REMOVED = ["OrganizationNotFound", "StoreUnavailable"];
const CRASH = new Error("the process ended");

const isTried = ({ name, open, without = [] }: Harness) =>
  open !== undefined &&
  !without.some((ability) => ["copies", "multipart"].includes(ability)) &&
  (name === "local" || isFullRun || ownServer() !== undefined);

describe.each(stores.filter(isTried))("$name", (harness) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await openStore(harness, harness.open ?? expect.unreachable());
    return () => opened.close();
  });

  it("whatever happens to an upload, nobody reads it before a confirm, and its file stays", async () => {
    await fc.assert(
      fc.asyncProperty(life, (lived) => live(opened, lived)),
      {
        numRuns: Number(process.env["TEST_RUNS"] ?? (isFullRun ? 300 : 40)),
        examples: FOUND.map((found) => [found] as [Life]),
      },
    );
  }, 600_000);
});
