import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import type { LimitsUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import { parse, prefixFor, type StorageKey } from "../../domain/storage-key.ts";
import { type Doubt, Usage } from "../ports/usage.ts";
import { lookAt } from "./file-state.ts";
import { forEachPage } from "../store/for-each-page.ts";
import { listsOfStore } from "./list-files.ts";

/**
 * Counts all files of an organization by a list of its store, while uploads and removals go on. Does
 * nothing while another process counts them. `report` gets the number of files so far.
 */
export const recountFiles = Effect.fnUntraced(function* (
  organization: OrganizationId,
  report: (files: number) => void = () => undefined,
) {
  const recount = yield* (yield* Usage)?.recount(organization) ?? Effect.undefined;
  if (recount === undefined) return false;
  const list = yield* listsOfStore;
  let counted = 0;
  yield* forEachPage(
    (after: string | undefined) =>
      list.objects({ prefix: prefixFor(organization), after, limit: 1000 }),
    (page) => {
      const files = page.flatMap(({ key, size, age }) =>
        Option.toArray(parse(key)).map((parts) => ({ key: parts.key, size, age })),
      );
      report((counted += files.length));
      return recount.add(files);
    },
  ).pipe(
    Effect.andThen(recount.unseen),
    Effect.flatMap(decide),
    Effect.andThen(recount.finish),
    Effect.onError(() => Effect.ignore(recount.end)),
  );
  return true;
});

/** Decides by looks at the store what nothing else decides, such as uploads that nobody confirmed. */
export const decideDoubts = Effect.fnUntraced(function* (organization: OrganizationId) {
  const usage = yield* Usage;
  let doubts = yield* usage?.doubts(organization) ?? Effect.undefined;
  while (doubts !== undefined) {
    yield* decide(doubts);
    doubts = yield* usage?.doubts(organization) ?? Effect.undefined;
  }
});

/**
 * Decides an upload that was refused or ended: its grant is freed if it left no file. If that fails,
 * `decideDoubts` does it.
 */
export const decideUpload = Effect.fnUntraced(
  function* (key: StorageKey) {
    const doubt = yield* (yield* Usage)?.doubt(key) ?? Effect.undefined;
    if (doubt !== undefined) yield* decide([doubt]);
  },
  (deciding) => Effect.ignore(deciding),
);

const decide = (doubts: ReadonlyArray<Doubt>) =>
  Effect.forEach(
    doubts,
    Effect.fnUntraced(function* (doubt) {
      const file = Option.getOrUndefined(yield* lookAt(doubt.key));
      yield* (yield* Usage)?.seen(doubt, file?.size) ?? Effect.void;
    }),
    { concurrency: 8, discard: true },
  );

/** Lists of one process, so that a start does not list all organizations at once, nor a large one hold all. */
const fewAtATime = Semaphore.makeUnsafe(4);

/** Looks after an account in the background. */
export const careFor = (organization: OrganizationId) =>
  Effect.gen(function* () {
    yield* decideDoubts(organization);
    const reading = (yield* Usage)?.read({ organization }) ?? Effect.succeed(KNOWN);
    if ((yield* reading).isKnown) return;
    yield* Effect.logWarning(
      "it is not known what an organization has stored, so its files are listed",
      {
        organization,
      },
    );
    const list = fewAtATime.withPermit(recountFiles(organization));
    const isListed = yield* Effect.retry(list, AGAIN);
    // Whoever waits for this waits for the list of the other process.
    if (!isListed) yield* Effect.repeat(reading, { ...OFTEN, until: ({ isKnown }) => isKnown });
  }).pipe(
    Effect.catch(({ reason }: LimitsUnavailable | StoreUnavailable) =>
      Effect.logWarning("stored files could not be counted", { organization, reason }),
    ),
  );

const KNOWN = { isKnown: true };
const OFTEN = { times: 20, schedule: Schedule.spaced("100 millis") };

/** A list of a store that is busy may end early; the next grant cares for the account after a minute. */
const AGAIN = { times: 3, schedule: Schedule.exponential("1 second") };
