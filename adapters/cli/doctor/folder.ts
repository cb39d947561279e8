import * as Effect from "effect/Effect";
import { failed, type Finding, type Findings, passed } from "./finding.ts";
import type { Target } from "./target.ts";

/** Whether the embedded store can write to its folder. */
export const folder = ({ store }: Target): Effect.Effect<Findings> =>
  Effect.match(store.ensureBucket, {
    onSuccess: () => [passed("folder", "the embedded store can write to its folder")],
    onFailure: ({ reason }) => [unusableFolder(reason)],
  });

/** A folder that cannot be used; the store's reason says what mends it, behind a semicolon. */
export function unusableFolder(reason: string): Finding {
  const end = reason.indexOf("; ");
  const detail = reason.indexOf(" (", Math.max(end, 0));
  const [seen, mend] =
    end === -1 || detail === -1
      ? [reason, "let the service's user write to STORAGE_LOCAL_DIR"]
      : [reason.slice(0, end) + reason.slice(detail), reason.slice(end + 2, detail)];
  return failed("folder", seen, "No upload can be stored.", mend);
}
