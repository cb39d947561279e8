import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { failed, type Finding, type Findings, passed } from "./finding.ts";
import type { Target } from "./target.ts";
import type { KeyNames } from "./key-names.ts";

const WORK = { put: "uploads", get: "downloads" } as const;

/** Whose credentials sign, from where they come, and until when they last. */
export const credentials = (target: Target, names: KeyNames): Effect.Effect<Findings> =>
  Effect.gen(function* () {
    const key = yield* target.newKey;
    const findings: Array<Finding> = [];
    for (const use of ["put", "get"] as const) {
      const signed = yield* Effect.result(
        use === "put" ? target.signPut(key) : target.signGet(key),
      );
      findings.push(
        signed._tag === "Success"
          ? passed(
              "credentials",
              `${WORK[use]} are signed by ${ownerIn(signed.success.url)}, from ${names[use].from}${yield* lifeOf(target, use)}`,
            )
          : failed(
              "credentials",
              `${WORK[use]} cannot be signed: ${signed.failure.reason}`,
              "Nothing can be uploaded or downloaded without credentials.",
              names[use].mend,
            ),
      );
    }
    return findings;
  });

const lifeOf = Effect.fnUntraced(
  function* ({ s3 }: Target, use: "put" | "get") {
    if (s3 === undefined) return "";
    const now = yield* Clock.currentTimeMillis;
    const { expiresAt } = yield* s3.signers[use](now, 0);
    return expiresAt === undefined ? "" : `, until ${new Date(expiresAt).toISOString()}`;
  },
  Effect.orElseSucceed(() => ""),
);

/** The access key or the account in a signed URL, which is not secret. */
function ownerIn(url: string): string {
  for (const [name, value] of new URL(url).searchParams) {
    if (/^X-(?:Amz|Goog)-Credential$/.test(name)) return value.split("/")[0] ?? value;
  }
  return "a key";
}
