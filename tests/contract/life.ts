import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as References from "effect/References";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { expect } from "vitest";
import type { openStore } from "../../adapters/contract/subject/subject.ts";
import { send, sendPut } from "../../adapters/contract/sending/send.ts";
import {
  CONTENT,
  getRequest,
  newKey,
  ORGANIZATION,
  OTHER,
  UPLOAD,
} from "../../adapters/contract/sending/uploads.ts";
import { useCases } from "../../adapters/contract/subject/use-cases.ts";
import { completeMultipart } from "../../application/parts/complete-multipart.ts";
import { confirmUpload } from "../../application/uploads/confirm-upload.ts";
import { forgetOrganization } from "../../application/files/forget-organization.ts";
import { type ObjectRef, ObjectStore } from "../../application/ports/object-store.ts";
import { Policies } from "../../application/ports/policies.ts";
import { Scanner, type FileScanner } from "../../application/ports/scanner.ts";
import { removeFile } from "../../application/files/remove-file.ts";
import { requestUpload } from "../../application/uploads/request-upload.ts";
import { signParts } from "../../application/parts/sign-parts.ts";
import { startMultipart } from "../../application/parts/start-multipart.ts";
import { aroundStore } from "../../application/store/store-calls.ts";
import { sweepUploads } from "../../application/files/sweep-uploads.ts";
import { ScannerUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { incomingKey, removedKey, REMOVED_PREFIX } from "../../domain/storage-key.ts";
import { defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";
import { later } from "./later.ts";

// The life of one upload that waits until it is confirmed, and what holds in any order of what may
// happen to it: by the holder of its URLs, by two processes of the service, by their end between two
// calls to the store, by answers that are lost, by a scanner and by a rule of the bucket.

/** What happens at a call to the store: before it (even) or after it (odd). */
export type Event = readonly [at: number, event: (typeof EVENTS)[number]];
export const EVENTS = [
  "crash",
  // The call fails, whether it was made or not: once, or so that it is repeated.
  "lost",
  "lost and repeated",
  "put",
  "put infected",
  "scan",
  "lapse",
  "confirm",
  "confirm and put",
  "remove",
  "sweep",
] as const;
export type Command =
  | { readonly do: "put"; readonly body: 0 | 1 | 2 }
  // The scanner comes or goes, or tags what waits; a rule of the bucket removes what waits.
  | { readonly do: "scan" | "lapse" | "both" }
  | {
      readonly do: "confirm" | "remove" | "sweep";
      readonly by: 0 | 1;
      readonly events: ReadonlyArray<Event>;
    };
export interface Life extends Pick<UploadPolicy, "scan" | "onInfected" | "writeOnce"> {
  readonly way: "put" | "parts";
  readonly commands: ReadonlyArray<Command>;
  /** In the end all that waits is swept, or its organization forgotten. */
  readonly end: "sweep" | "forget";
}

const INFECTED = CONTENT.map((byte) => byte ^ 2);
const BODIES = [CONTENT, OTHER, INFECTED] as const;
const DAYS = 3;
const versionName = ({ etag, version }: ObjectRef) => `${etag} ${version}`;

type Opened = Awaited<ReturnType<typeof openStore>>;
type By = 0 | 1;
type Hook = (call: string) => Promise<unknown>;
const NONE: Hook = async () => undefined;

export async function live(opened: Opened, { commands, end, way, ...chosen }: Life): Promise<void> {
  const { presigner, store, has } = opened;
  const policy: UploadPolicy = {
    ...defaultPolicy,
    ...chosen,
    arrival: "incoming",
    verifyContent: false,
    writeOnce: chosen.writeOnce && has("write-once"),
  };
  const now = {
    /** Of what waits. */
    changes: 0,
    isAway: false,
    isCopying: false,
    /** Calls that have failed, and removals that were begun, ended, or ended during a confirm. */
    faults: 0,
    removing: false,
    removed: false,
    mayReturn: false,
    confirming: 0,
    lapsed: false,
  };

  // What the service is made of.
  const tags = new Map<string, string>();
  const isInfected = (bytes: Uint8Array) => policy.scan !== "none" && bytes[0] === INFECTED[0];
  const scanner: FileScanner = {
    check: Effect.void,
    scan: Effect.fnUntraced(function* (open) {
      const bytes = yield* open;
      const file = yield* Effect.promise(() => buffer(bytes));
      if (now.isAway) return yield* new ScannerUnavailable({ reason: "it is away" });
      return isInfected(file) ? { infected: "Test" } : "clean";
    }),
  };
  const policies = new Map([
    ["files", defaultPolicy],
    ["lived", policy],
  ]);
  const inLife = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(Policies, policies),
      Effect.provideService(Scanner, scanner),
      Effect.provideService(References.MinimumLogLevel, "None"),
    );
  const scanTag = (looked: ObjectRef) => Effect.sync(() => tags.get(versionName(looked)));
  const copies = store.copies ?? expect.unreachable();
  const copyNow = copies.copy;
  const secret = randomBytes(32);
  const startProcess = () => {
    const own = { hook: NONE };
    const hook = (name: string) =>
      Effect.tryPromise({ try: () => own.hook(name), catch: (cause) => cause }).pipe(
        Effect.catch((cause) =>
          cause instanceof StoreUnavailable ? Effect.fail(cause) : Effect.die(cause),
        ),
      );
    // A copy takes its time, in which the upload may go, and the file too.
    const copy: typeof copyNow = Effect.fnUntraced(function* (upload) {
      const spare = newKey();
      const taken = yield* copyNow({ ...upload, to: spare });
      if (taken !== "copied") return taken;
      const begun = yield* Effect.orDie(store.head(spare));
      const { etag, size, version } = Option.getOrThrow(begun);
      return yield* hook("copying").pipe(
        Effect.andThen(copyNow({ ...upload, key: spare, etag, size, version })),
        Effect.ensuring(Effect.orDie(store.remove({ key: spare, version }))),
      );
    });
    const hooked = aroundStore(
      { ...store, copies: { ...copies, copy }, scanTag },
      ({ name }, call) => hook(name).pipe(Effect.andThen(call), Effect.tap(hook(name))),
    );
    const { run, granted } = useCases({ presigner, store: ObjectStore.of(hooked) }, secret);
    const ask: typeof run = (use) => run((member) => inLife(use(member)));
    const grant: typeof granted = (use) => granted((member) => inLife(use(member)));
    return { own, ask, grant };
  };
  const processes = [startProcess(), startProcess()] as const;
  const [{ grant }] = processes;

  // The upload, with all its URLs.
  let etag: string | undefined;
  const begin = async () => {
    if (way === "put") {
      const { key, put, receipt } = await grant((member) =>
        requestUpload({ member, upload: { ...UPLOAD, policy: "lived" } }),
      );
      const confirm = (by: By) => processes[by].ask((member) => confirmUpload({ member, receipt }));
      return { key, put, confirm };
    }
    const { key, upload } = await grant((member) =>
      startMultipart({ member, upload: { ...UPLOAD, policy: "lived" } }),
    );
    const first = { partNumber: PartNumber.make(1), checksum: undefined };
    const signed = await grant((member) => signParts({ member, upload, parts: [first] }));
    const parts = Effect.sync(() => (etag === undefined ? [] : [{ ...first, etag }]));
    const put = signed.parts[0]?.put ?? expect.unreachable();
    const confirm = (by: By) =>
      processes[by].ask((member) => completeMultipart({ member, upload, parts }));
    return { key, put, confirm };
  };
  const { key, put, confirm } = await begin();
  const from = incomingKey(key);
  const get = await Effect.runPromise(presigner.get(getRequest(key)));
  const look = (key: Parameters<typeof store.head>[0]) => Effect.runPromise(store.head(key));
  const isThere = async (key: Parameters<typeof store.head>[0]) => Option.isSome(await look(key));

  const sent = new Set<Uint8Array>();
  let file: Buffer | undefined;
  let answer: object | undefined;

  /** The upload, or the part that it will be made of, which a scan may have removed for good. */
  const isWaiting = async () =>
    (await isThere(from)) ||
    (way === "parts" && etag !== undefined && !now.lapsed && !sent.has(INFECTED));

  /** What anybody reads at this moment. */
  const read = async () => {
    const [before, { removing, removed }] = [file, { ...now }];
    const { status, body } = await send("GET", get.url);
    if (status !== 200) {
      if (!removing && !now.removing) expect([status, before], "lost").toEqual([404, undefined]);
      return;
    }
    expect(now.isCopying, "readable before a confirm").toBe(true);
    expect(
      [...sent].some((bytes) => body.equals(bytes)),
      "half there",
    ).toBe(true);
    expect(isInfected(body), "readable without its verdict").toBe(false);
    expect(body.equals(file ?? body), "changed").toBe(true);
    file = body;
    if (removed) expect(now.mayReturn, "came back").toBe(true);
  };
  const watch: Hook = async (name) => {
    if (name === "copy") now.isCopying = true;
    if (["copy", "remove", "complete-multipart"].includes(name)) await read();
  };

  const doPut = async (body: Uint8Array) => {
    now.changes += 1;
    sent.add(body);
    const { status, headers } = await sendPut({ ...put, body });
    if (status === 200) etag = headers.etag;
    now.changes += 1;
  };
  const doScan = async () => {
    if (policy.scan === "clamd") now.isAway = !now.isAway;
    const waiting = policy.scan === "tags" ? await look(from) : Option.none();
    if (Option.isNone(waiting)) return;
    const { version, size } = waiting.value;
    const looked = { key: from, etag: waiting.value.etag, version, size };
    const opened = await Effect.runPromise(
      store.read?.(looked) ?? Effect.succeed("changed" as const),
    );
    if (opened === "changed") return;
    const bytes = await buffer(opened);
    tags.set(versionName(looked), isInfected(bytes) ? "THREATS_FOUND" : "NO_THREATS_FOUND");
  };
  const doLapse = async () => {
    now.changes += 1;
    now.lapsed = true;
    await Effect.runPromise(store.remove({ key: from, version: undefined }));
    now.changes += 1;
  };
  const doRemove = async (by: By) => {
    now.removing = true;
    const { changes } = now;
    const { _tag } = await processes[by].ask((member) =>
      Effect.as(removeFile({ member, key }), {}),
    );
    if (_tag !== "Done") {
      expect([_tag, now.faults > 0]).toEqual(["StoreUnavailable", true]);
      return;
    }
    now.removed = true;
    now.mayReturn = now.confirming > 0;
    if (changes === now.changes) expect(await isThere(from), "left to wait").toBe(false);
  };
  const doSweep = async (by: By, isOld = (key: string) => !key.startsWith(REMOVED_PREFIX)) => {
    now.changes += 1;
    now.lapsed = true;
    const { faults } = now;
    const { _tag } = await processes[by].ask(() =>
      ObjectStore.use((store) =>
        sweepUploads(DAYS, (_, remove) => remove).pipe(
          Effect.provideService(ObjectStore, later(store, DAYS + 1, isOld)),
          Effect.as({}),
        ),
      ),
    );
    now.changes += 1;
    if (_tag === "Done") now.mayReturn &&= now.confirming > 0;
    else expect([_tag, now.faults > faults]).toEqual(["StoreUnavailable", true]);
  };
  const doConfirm = async (by: By) => {
    const before = { ...now, file, isWaiting: await isWaiting() };
    now.confirming += 1;
    const confirmed = await confirm(by);
    now.confirming -= 1;
    const { _tag } = confirmed;
    // A store that asks whether it may publish takes an end there for a failure, and goes on.
    const hasGoneOn = "reason" in confirmed && confirmed.reason === CRASH.message;
    const hasFailed = now.faults > before.faults || hasGoneOn;
    if (!hasFailed) now.mayReturn &&= now.confirming > 0;
    if (_tag === "Done") {
      const { version, size, final } = confirmed;
      const facts = { etag: confirmed.etag, version, size, final };
      expect(facts).toEqual(answer ?? { ...facts, final: true });
      answer = facts;
      expect(before.removed, "confirmed after its removal").toBe(false);
      await read();
      if (!now.removing) expect(file, "acknowledged, and not there").toBeDefined();
      return;
    }
    const isExplained: Readonly<Record<string, boolean>> = {
      OrganizationNotFound: now.removing,
      StoreUnavailable: hasFailed || now.removing,
      ScannerUnavailable: policy.scan === "clamd",
      UploadPending: policy.scan === "tags",
      UploadRefusedByScan: policy.scan !== "none" && sent.has(INFECTED),
    };
    // Another process may have scanned it meanwhile.
    const isRemovedByScan =
      policy.scan !== "none" && policy.onInfected === "delete" && sent.has(INFECTED);
    const isUnchanged = before.isWaiting && before.changes === now.changes && !isRemovedByScan;
    const isNotThere = NOT_THERE.has(_tag) && (!isUnchanged || now.removing || hasFailed);
    expect(isExplained[_tag] ?? isNotThere, JSON.stringify([confirmed, before, now])).toBe(true);
    if (before.file !== undefined && !now.removing)
      expect(hasFailed, `${_tag} of a file`).toBe(true);
  };
  const actions = (by: By): Readonly<Record<Event[1], () => Promise<unknown>>> => ({
    crash: async () => {
      throw CRASH;
    },
    lost: () => fail("timeout"),
    "lost and repeated": () => fail("unreachable"),
    put: () => doPut(OTHER),
    "put infected": () => doPut(INFECTED),
    scan: doScan,
    lapse: doLapse,
    confirm: () => doConfirm(by),
    "confirm and put": () => doConfirm(by).then(() => doPut(OTHER)),
    remove: () => doRemove(by),
    sweep: () => doSweep(by),
  });
  const fail = async (kind: StoreUnavailable["kind"]) => {
    now.faults += 1;
    throw new StoreUnavailable({ kind, reason: "an answer was lost" });
  };
  const operations = { confirm: doConfirm, remove: doRemove, sweep: doSweep };
  const doInterrupted = async ({ do: name, by, events }: Extract<Command, { readonly by: By }>) => {
    const others = actions(by === 0 ? 1 : 0);
    const { own } = processes[by];
    let passed = 0;
    const { confirming } = now;
    own.hook = async (call) => {
      const at = passed++;
      for (const [when, event] of events) if (when === at) await others[event]();
      await watch(call);
    };
    await operations[name](by).catch((cause: unknown) => {
      if (cause !== CRASH) throw cause;
    });
    now.confirming = confirming;
    own.hook = watch;
  };

  for (const { own } of processes) own.hook = watch;
  for (const command of commands) {
    if ("events" in command) await doInterrupted(command);
    else if (command.do === "put") await doPut(BODIES[command.body]);
    else if (command.do === "scan") await doScan();
    else if (command.do === "lapse") await doLapse();
    else await Promise.all([doConfirm(0), doConfirm(1)]);
    await read();
  }

  // At the end somebody confirms, and whoever was removing it does so again.
  if (!(await isWaiting()) && file === undefined && !now.removing) await doPut(CONTENT);
  // versitygw with versions refuses a write-once PUT where an upload was removed.
  const isMade = file !== undefined || ((await isWaiting()) && !sent.has(INFECTED));
  now.isAway = false;
  await doConfirm(0);
  if (policy.scan === "tags") await doScan();
  await Promise.all([doConfirm(0), doConfirm(1)]);
  await read();
  if (answer !== undefined && !now.removing) {
    // In a bucket with versions, each confirm removes the newest of those that were replaced.
    for (let left = now.changes; left > 0 && (await isThere(from)); left--) await doConfirm(0);
    expect(await isThere(from), "left below incoming/").toBe(false);
  }
  if (now.removing) {
    await doRemove(1);
    await doConfirm(0);
    await read();
    expect(await isThere(key), "not removed").toBe(false);
  } else if (isMade) expect(file).toBeDefined();

  if (end === "forget") {
    const forget = () =>
      processes[0].ask(() =>
        Effect.as(
          forgetOrganization({
            organization: ORGANIZATION,
            apply: true,
            keepsMarks: true,
            report: () => undefined,
          }),
          {},
        ),
      );
    now.removing = true;
    let passed = 0;
    processes[0].own.hook = async () => {
      if (passed++ === commands.length) throw CRASH;
    };
    await forget().catch((cause: unknown) => {
      if (cause !== CRASH) throw cause;
    });
    processes[0].own.hook = NONE;
    expect(await forget()).toEqual({ _tag: "Done" });
    expect(await isThere(key), "not forgotten").toBe(false);
  }
  await doSweep(0, () => true);
  await read();
  for (const left of [from, removedKey(key)]) {
    expect(await isThere(left), `${left} outlived its time`).toBe(false);
  }
}

const NOT_THERE = new Set(["UploadIncomplete", "PartsMissing", "InvalidUpload", "UploadMismatch"]);
const CRASH = new Error("the process ended");
