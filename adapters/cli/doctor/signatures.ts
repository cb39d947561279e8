import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { failed, type Findings, passed, unknown } from "./finding.ts";
import { told } from "./store-answer.ts";
import type { Target } from "./target.ts";

/** Whether the store verifies signatures at all; some do not until they are told whose keys count. */
export const signatures = (
  target: Target,
  audience: Audience,
): Effect.Effect<{ readonly findings: Findings; readonly areVerified: boolean }> =>
  Effect.gen(function* () {
    const signed = yield* target.signPut(yield* target.newKey, { audience });
    const url = signed.url.replace(/(-Signature=)[^&]+/, `$1${"0".repeat(64)}`);
    const answer = yield* target.put({ ...signed, url });
    return answer.ok
      ? { findings: [UNVERIFIED], areVerified: false }
      : {
          findings: [passed("signatures", `a PUT with a wrong one is refused (${told(answer)})`)],
          areVerified: true,
        };
  }).pipe(
    Effect.catch(({ reason }) =>
      Effect.succeed({ findings: [unknown("signatures", reason)], areVerified: true }),
    ),
  );

const UNVERIFIED = failed(
  "signatures",
  "a PUT with a wrong signature was accepted: the store verifies none",
  "Everybody who reaches the store can read, write and remove every file.",
  "switch authentication on (SeaweedFS: weed s3 -config=FILE with the keys), or use another store: this one is for tests",
);
