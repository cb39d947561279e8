import * as Effect from "effect/Effect";
import { sweepUploads } from "../../application/files/sweep-uploads.ts";
import { MOST_DAYS_OF_WAITING, waitingDays } from "../../domain/waiting.ts";
import { columns, command, flag } from "./command/command.ts";
import { EXIT } from "./command/failure.ts";
import { print } from "./command/output.ts";
import { readStoresOrFail, type ReadStore, STORES_OPTION } from "./command/configuration.ts";
import { eventsOrFail, type Recorded } from "./command/with-events.ts";
import { usageOrFail } from "./command/with-usage.ts";
import { inEachStore, runWithStore } from "./command/with-store.ts";

export const sweep = command({
  name: "sweep",
  summary: "Print the uploads that nobody confirmed or completed in time, and remove them",
  options: {
    store: STORES_OPTION,
    apply: flag("removes them; nothing is removed without it"),
  },
  run: async ({ store, apply = false }) => {
    const stores = readStoresOrFail(process.env, store);
    const withEvents = eventsOrFail(process.env, apply);
    const withUsage = usageOrFail(process.env);
    const recorded: Recorded = (work) => withUsage(withEvents(work));
    return inEachStore(stores, (each) => sweepStore(each, apply, recorded));
  },
});

async function sweepStore(
  { name, policies, storage }: ReadStore,
  apply: boolean,
  recorded: Recorded,
) {
  const days = waitingDays([...policies.values()]) || MOST_DAYS_OF_WAITING;
  let bytes = 0;
  const counts = { upload: 0, parts: 0, file: 0, failed: 0 };
  let first = "";
  const program = sweepUploads(days, ({ kind, key, age, size = 0 }, remove) =>
    Effect.match(apply ? remove : Effect.void, {
      onSuccess: () => {
        counts[kind] += 1;
        bytes += size;
        print(
          columns([
            [...(name ? [name] : []), key, kind, `${Math.floor(age / DAY)} days`, `${size} bytes`],
          ]),
        );
      },
      onFailure: ({ reason }) => {
        counts.failed += 1;
        first ||= `${key}: ${reason}`;
      },
    }),
  );
  await runWithStore(storage, recorded(program), "The sweep did not finish; run it again", {
    isLong: true,
  });
  const { upload, parts, file, failed } = counts;
  const done = apply ? "were removed" : "would be removed by --apply";
  const total = `${upload} uploads (${bytes} bytes) that waited ${days} days, ${parts} uploads in parts and ${file} files of earlier removals ${done}.`;
  if (failed === 0) return { message: total };
  return {
    message: `${total}\n${failed} could not be removed, first ${first}.`,
    code: EXIT.failure,
  };
}

/** In milliseconds. */
const DAY = 24 * 60 * 60 * 1000;
