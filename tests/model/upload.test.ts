import * as Result from "effect/Result";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { takesParts } from "../../application/choose-policy.ts";
import { type Ability, abilitiesWithout } from "../../application/ports/abilities.ts";
import { completePolicies } from "../../adapters/service/policies/document.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import { defaultPolicy, type UploadPolicy } from "../../domain/upload-policy.ts";
import { need } from "../support/need.ts";
import { check, MODEL } from "./check.ts";
import { MODELLED, NOT_MODELLED } from "./stands-on.ts";

const spin = await need("spin");
const gcc = await need("gcc");

const FINAL = "a final file never changes";
const UNREAD = "nobody reads what was not confirmed";
const INFECTED = "nothing infected is served";
const NOT_LOST = "what was acknowledged is not lost";

const INCOMING = ["INCOMING", "COPIES"];
const SCANNED = [...INCOMING, "WRITE_ONCE", "SCANS"];
const IN_PARTS = [...INCOMING, "PARTS", "COMPLETES_ONCE", "SCANS"];

type Row = readonly [name: string, switches: ReadonlyArray<string>];

/** What the service does on stores that have the ability, or concludes on those that have not. */
const HOLDS: ReadonlyArray<Row> = [
  ["a PUT that writes once", ["WRITE_ONCE", "REMOVES", "SLOW"]],
  ["a PUT in a bucket with versions", ["VERSIONS", "DELETES", "REMOVES"]],
  ["an upload in parts", ["PARTS", "COMPLETES_ONCE", "REMOVES", "SLOW"]],
  ["what waits", [...INCOMING, "COPIES_ONCE", "DELETES", "REMOVES", "SLOW"]],
  ["what is scanned", [...SCANNED, "COPIES_ONCE", "DELETES", "REMOVES", "SLOW"]],
  ["parts that are scanned", [...IN_PARTS, "COPIES_ONCE", "DELETES", "REMOVES", "SLOW"]],
  ["what waits among versions", [...INCOMING, "VERSIONS", "COPIES_ONCE", "DELETES", "SLOW"]],
  ["a notification", [...INCOMING, "WRITE_ONCE", "COPIES_ONCE", "NOTIFIES", "SLOW"]],
  ["without write-once, final is said later", ["REMOVES"]],
  ["the same where it is asked as a PUT begins", ["WRITE_ONCE", "AT_BEGIN", "REMOVES"]],
  ["without completes once, final is said later", ["PARTS", "REMOVES"]],
  ["without copies once, final is said later", [...INCOMING, "REMOVES"]],
  ["the same of what is scanned", [...SCANNED, "DELETES", "REMOVES"]],
];

/** Each ability that is off, and what then breaks, as was seen on the store in brackets. */
const BREAKS: ReadonlyArray<readonly [...Row, promise: string]> = [
  ["write-once [Garage]: final is said at once", ["BELIEVES"], FINAL],
  ["write-once [Azure]: the same", ["WRITE_ONCE", "AT_BEGIN", "BELIEVES"], FINAL],
  ["completes once [SeaweedFS, Swift]: the same", ["PARTS", "BELIEVES"], FINAL],
  ["copies once [SeaweedFS, Garage]: the same", [...INCOMING, "BELIEVES"], FINAL],
  ["copies once: a confirm takes longer than it may", [...INCOMING, "SLOW"], FINAL],
  ["copies [Ceph]: uploads wait", ["INCOMING"], UNREAD],
  ["write-once: uploads are scanned", [...INCOMING, "COPIES_ONCE", "SCANS"], INFECTED],
  ["completes once: parts are scanned", [...INCOMING, "COPIES_ONCE", "PARTS", "SCANS"], INFECTED],
  ["versions: mismatches are removed", ["DELETES"], NOT_LOST],
];

/** How the service could be wrong. */
const ONCE = [...INCOMING, "COPIES_ONCE"];
const REMOVED = [...ONCE, "REMOVES"];
const MISTAKES: ReadonlyArray<readonly [...Row, promise: string]> = [
  ["it copies before the scan", [...SCANNED, "COPIES_ONCE", "M_COPIES_FIRST"], INFECTED],
  ["it believes an ETag", [...SCANNED, "COPIES_ONCE", "REMOVES", "M_TRUSTS_ETAGS"], INFECTED],
  ["it believes an ETag without copies once", [...SCANNED, "M_TRUSTS_ETAGS"], INFECTED],
  ["it frees the place of a refused upload", [...SCANNED, "DELETES", "M_FREES_REFUSED"], INFECTED],
  ["a removal leaves no mark", [...REMOVED, "M_NO_MARK"], "what was removed is not confirmed"],
  [
    "forget takes the mark again",
    [...REMOVED, "M_FORGETS_MARKS"],
    "what was removed is not confirmed",
  ],
  ["the mark is its last step", [...REMOVED, "M_MARKS_LAST"], "what was removed stays away"],
  ["nobody looks after the copy", [...REMOVED, "M_DOES_NOT_LOOK"], FINAL],
  [
    "a sweep takes the mark before the file",
    [...REMOVED, "M_SWEEPS_MARK_FIRST"],
    "what was removed goes for good",
  ],
  [
    "the upload is removed before the backend is told",
    [...ONCE, "WRITE_ONCE", "NOTIFIES", "M_REMOVES_FIRST"],
    "the backend is told of every file",
  ],
];

/** SPIN's own memory and time grow with the states: an hour ends one that hangs. */
const LONGEST = 3_600_000;

const checkIt = (switches: ReadonlyArray<string>) =>
  check({ spin: spin ?? "", gcc: gcc ?? "" }, switches);

describe.skipIf(spin === undefined || gcc === undefined)("the model of an upload", () => {
  it.each(HOLDS)(
    "breaks no promise: %s",
    async (name, switches) => {
      const { states, broken, trace } = await checkIt(switches);
      expect(broken, trace).toBeUndefined();
      console.log(`${name}: ${states} states`);
    },
    LONGEST,
  );

  it.each(BREAKS)(
    "breaks a promise without %s",
    async (_, switches, promise) => {
      const { broken, trace } = await checkIt(switches);
      expect(broken, trace).toBe(promise);
      expect(trace).toMatch(/^- /);
    },
    LONGEST,
  );

  it.each(MISTAKES)(
    "sees the mistake if %s",
    async (_, switches, promise) => {
      const { broken, trace } = await checkIt(switches);
      expect(broken, trace).toBe(promise);
    },
    LONGEST,
  );
});

const WAITS = { arrival: "incoming", write_once: true } as const;
/** What the service refuses where the model would break a promise. */
const REFUSED: ReadonlyArray<readonly [Ability, object, string]> = [
  ["copies", { arrival: "incoming" }, "/files/arrival"],
  ["write-once", { write_once: true }, "/files/write_once"],
  ["write-once", { ...WAITS, scan: "clamd" }, "/files/write_once"],
  ["versions", { on_mismatch: "delete" }, "/files/on_mismatch"],
];

it.each(REFUSED)("without %s, a policy of %o is refused", (lack, files, pointer) => {
  const faults = (...lacks: ReadonlyArray<Ability>) =>
    Result.match(
      completePolicies(
        { files },
        {
          files: defaultPolicy,
          store: { abilities: abilitiesWithout(...lacks), limits: { largestPut: 2 ** 40 } },
          spelling: "document",
          hasClamd: true,
        },
      ),
      { onSuccess: () => [], onFailure: (all) => all.map((each) => each.pointer) },
    );
  expect(faults()).toEqual([]);
  expect(faults(lack)).toContain(pointer);
});

it("without completes once, no parts are scanned", () => {
  const policy: UploadPolicy = { ...defaultPolicy, arrival: "incoming", scan: "clamd" };
  expect(takesParts(policy, abilitiesWithout())).toBe(true);
  expect(takesParts(policy, abilitiesWithout("completes once"))).toBe(false);
});

describe("what an ability stands on", () => {
  const model = readFileSync(MODEL, "utf8");

  it("is modelled, or it is said why not", () => {
    const known = [...Object.keys(MODELLED), ...Object.keys(NOT_MODELLED)];
    expect(known.toSorted()).toEqual(Object.keys(standsOn.abilities).toSorted());
  });

  it.each(Object.entries(MODELLED))(
    "%s: each promise has its place in the model",
    (name, places) => {
      const { [name as keyof typeof MODELLED]: promises } = standsOn.abilities;
      expect(Object.keys(places).toSorted()).toEqual([...promises].toSorted());
      for (const place of Object.values(places)) {
        if (place !== "") expect(model, place).toContain(place);
      }
    },
  );
});
