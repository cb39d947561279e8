import * as Effect from "effect/Effect";
import {
  forgetOrganization,
  type RemovalResult,
} from "../../application/files/forget-organization.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Subject } from "../../domain/principal.ts";
import { prefixFor, subjectFolder } from "../../domain/storage-key.ts";
import { command, flag, option } from "./command/command.ts";
import { EXIT } from "./command/failure.ts";
import { organizationOrFail, orgOption } from "./command/organization.ts";
import { print, showProgress } from "./command/output.ts";
import { readStoreOrFail } from "./command/configuration.ts";
import { eventsOrFail } from "./command/with-events.ts";
import { usageOrFail } from "./command/with-usage.ts";
import { runWithStore } from "./command/with-store.ts";

export const forget = command({
  name: "forget",
  summary:
    "Show everything of an organization, or of a person in it, that the store has, one JSON object a line, or remove it",
  options: {
    org: orgOption({ isRequired: true }),
    subject: option("NAME", Subject, "a person, as tokens name them", {
      note: "only what is in the person's folder, for policies with {subject} in their key",
    }),
    apply: flag("removes what is shown; run it again if it was interrupted"),
  },
  run: async ({ org, subject, apply = false }) => {
    const { storage } = readStoreOrFail(process.env);
    const id = organizationOrFail(process.env, org);
    const folder = subject && (await Effect.runPromise(subjectFolder({ kind: "user", subject })));
    let [removed, kept] = [0, 0];
    const report = (each: RemovalResult) => {
      if (each.kept === undefined) removed += 1;
      else kept += 1;
      print(`${JSON.stringify({ ...each, at: new Date().toISOString() })}\n`);
      if ((removed + kept) % 1000 === 0) showProgress(`${removed + kept} so far`);
    };
    const withEvents = eventsOrFail(process.env, apply);
    const withUsage = usageOrFail(process.env);
    const program = Effect.andThen(
      withUsage(withEvents(forgetOrganization({ organization: id, folder, apply, report }))),
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
      message: `${removed} removed ${where}.${locked}${parts} ${BEYOND}`,
      code: kept === 0 ? undefined : EXIT.failure,
    };
  },
});

const BEYOND = "Backups, replicas and what others have downloaded are not reached.";
