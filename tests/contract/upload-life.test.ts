import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Harness } from "../../adapters/contract/subject/harness.ts";
import { openStore } from "../../adapters/contract/subject/subject.ts";
import { isFullRun } from "../support/full-run.ts";
import { type Command, type Event, EVENTS, type Life, live } from "./life.ts";
import { ownServer } from "./own-server.ts";
import { stores } from "./stores.ts";
import { tries } from "../support/tries.ts";

const PLAIN = {
  way: "put",
  scan: "none",
  onInfected: "keep",
  writeOnce: false,
  end: "sweep",
} as const;
const PUT = { do: "put", body: 0 } as const;
const confirmed = (...events: ReadonlyArray<Event>) => ({ do: "confirm", by: 0, events }) as const;
/** What was once found, or taken, to be wrong. */
const FOUND: ReadonlyArray<Life> = [
  // Another process made the file between the two looks of the first, which found neither.
  { ...PLAIN, commands: [PUT, confirmed([1, "confirm"])] },
  // A process ended where the store asked whether it may publish.
  { ...PLAIN, scan: "clamd", commands: [PUT, confirmed([9, "crash"]), PUT] },
  // Another process had scanned and removed it before the first looked.
  {
    ...PLAIN,
    scan: "clamd",
    onInfected: "delete",
    commands: [{ ...PUT, body: 2 }, confirmed([0, "confirm"])],
  },
];

/** A removal at each call of a confirm, which then goes on, or ends two calls later, before a sweep. */
const REMOVED: ReadonlyArray<Life> = Array.from({ length: 18 }, (_, at): ReadonlyArray<Life> => {
  const removed: Event = [at, "remove"];
  const ended = confirmed(removed, [at + 2, "crash"]);
  return [
    { ...PLAIN, commands: [PUT, confirmed(removed)] },
    { ...PLAIN, commands: [PUT, ended, { do: "sweep", by: 1, events: [] }] },
  ];
}).flat();

const constants = <const A extends ReadonlyArray<unknown>>(all: A): fc.Arbitrary<A[number]> =>
  fc.constantFrom(...all);
const events = fc.array(fc.tuple(fc.nat(17), constants(EVENTS)), { maxLength: 2 });
const sent = fc.record({ do: constants(["put"]), body: constants([0, 0, 1, 2]) });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: sent },
  { weight: 2, arbitrary: fc.record({ do: constants(["scan", "scan", "lapse", "both"]) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: constants(["confirm", "confirm", "confirm", "remove", "sweep"]),
      by: constants([0, 1]),
      events,
    }),
  },
);
const life: fc.Arbitrary<Life> = fc.record({
  way: constants(["put", "put", "parts"]),
  scan: constants(["none", "none", "clamd", "tags"]),
  onInfected: constants(["keep", "delete"]),
  writeOnce: fc.boolean(),
  commands: fc
    .tuple(sent, fc.array(command, { minLength: 1, maxLength: 7 }))
    .map(([first, others]) => [first, ...others]),
  end: constants(["sweep", "sweep", "forget"]),
});

const isTried = ({ name, open, without = [] }: Harness) =>
  open !== undefined &&
  !without.some((ability) => ["copies", "multipart"].includes(ability)) &&
  (name === "local" || isFullRun || ownServer() !== undefined);

describe.each(stores.filter(isTried))("$name", (harness) => {
  let opened: Awaited<ReturnType<typeof openStore>>;
  beforeAll(async () => {
    opened = await openStore(harness, harness.open ?? expect.unreachable());
    return () => opened.close();
  });

  it("whatever happens to an upload, nobody reads it too soon, loses it or brings it back", async () => {
    const examples = [...FOUND, ...REMOVED].map((found): [Life] => [found]);
    const runs = Number(process.env["TEST_RUNS"] ?? (isFullRun ? 300 : tries(40)));
    const seed = process.env["TEST_SEED"];
    await fc.assert(
      fc.asyncProperty(life, (lived) => live(opened, lived)),
      { numRuns: examples.length + runs, examples, ...(seed && { seed: Number(seed) }) },
    );
  }, 3_600_000);
});
