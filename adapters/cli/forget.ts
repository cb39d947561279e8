import * as Effect from "effect/Effect";
import {
  forgetOrganization,
  type RemovalResult,
} from "../../application/files/forget-organization.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import { Subject } from "../../domain/principal.ts";
import { prefixFor, subjectFolder } from "../../domain/storage-key.ts";
import { waitingDays } from "../../domain/waiting.ts";
import { command, flag, option } from "./command/command.ts";
import { EXIT } from "./command/failure.ts";
import { organizationOrFail, orgOption } from "./command/organization.ts";
import { print, showProgress } from "./command/output.ts";
import { readStoresOrFail, type ReadStore, STORES_OPTION } from "./command/configuration.ts";
import { eventsOrFail, type Recorded } from "./command/with-events.ts";
import { usageOrFail } from "./command/with-usage.ts";
import { inEachStore, runWithStore } from "./command/with-store.ts";

export const forget = command({
  name: "forget",
  summary:
    "Show everything of an organization, or of a person in it, that the store has, one JSON object a line, or remove it",
  options: {
    org: orgOption({ isRequired: true }),
    subject: option("NAME", Subject, "a person, as tokens name them", {
      note: "only what is in the person's folder, for policies with {subject} in their key",
    }),
    store: STORES_OPTION,
    apply: flag("removes what is shown; run it again if it was interrupted"),
  },
  run: async ({ store, org, subject, apply = false }) => {
    const stores = readStoresOrFail(process.env, store);
    const id = organizationOrFail(process.env, org);
    const folder = subject && (await Effect.runPromise(subjectFolder({ kind: "user", subject })));
    const withEvents = eventsOrFail(process.env, apply);
    const withUsage = usageOrFail(process.env);
    const forgetIn = ({ name, policies, storage }: ReadStore) =>
      forgetInStore({
        storage,
        keepsMarks: waitingDays([...policies.values()]) > 0,
        name,
        id,
        folder,
        apply,
        recorded: (work) => withUsage(withEvents(work)),
      });
    const { message, code } = await inEachStore(oldStoreFirst(stores, id), forgetIn);
    return { message: apply ? `${message} ${BEYOND}` : message, code };
  },
});

/**
 * Begins with the store from which files move: a move looks there again after each copy, and removes
 * the copy of a file that is gone.
 */
function oldStoreFirst(stores: ReadonlyArray<ReadStore>, id: OrganizationId) {
  const [place] = stores.flatMap(({ several }) => several?.organizations.get(id) ?? []);
  const isOld = ({ name }: ReadStore) => name !== undefined && name === place?.from;
  return stores.toSorted((a, b) => Number(isOld(b)) - Number(isOld(a)));
}

async function forgetInStore({
  storage,
  name,
  id,
  folder,
  apply,
  keepsMarks,
  recorded,
}: Pick<ReadStore, "name" | "storage"> & {
  readonly id: OrganizationId;
  readonly folder: string | undefined;
  readonly apply: boolean;
  readonly keepsMarks: boolean;
  readonly recorded: Recorded;
}) {
  let [removed, kept] = [0, 0];
  const report = (each: RemovalResult) => {
    if (each.kept === undefined) removed += 1;
    else kept += 1;
    const line = { ...(name && { store: name }), ...each, at: new Date().toISOString() };
    print(`${JSON.stringify(line)}\n`);
    if ((removed + kept) % 1000 === 0) showProgress(`${removed + kept} so far`);
  };
  const isOneOfSeveral = name !== undefined;
  const request = { organization: id, folder, apply, keepsMarks, isOneOfSeveral, report };
  const program = Effect.andThen(
    recorded(forgetOrganization(request)),
    ObjectStore.use(({ parts }) => Effect.succeed(parts?.abandoned)),
  );
  const abandoned = await runWithStore(storage, program, "Not all was removed", { isLong: true });
  const where = `of ${prefixFor(id, folder)}`;
  const parts = abandoned === undefined ? "" : ` Uploads in parts may be left: ${abandoned}.`;
  if (!apply) {
    return {
      message: `${removed} found ${where}; nothing was removed. --apply removes it.${parts}`,
    };
  }
  const locked = kept === 0 ? "" : ` The store keeps ${kept}: "kept" says why.`;
  return {
    message: `${removed} removed ${where}.${locked}${parts}`,
    code: kept === 0 ? undefined : EXIT.failure,
  };
}

const BEYOND = "Backups, replicas and what others have downloaded are not reached.";
