import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { check, type Doctor } from "./doctor.ts";

/** Names the owner and the source of the credentials that sign, and their end. */
export const credentials = check("credentials", function* (doctor, { passed, failed }) {
  const { signPut, signGet, newKey, names } = doctor;
  for (const [use, work, sign] of [
    ["put", "uploads", signPut()],
    ["get", "downloads", Effect.flatMap(newKey, (key) => signGet(key))],
  ] as const) {
    const signed = yield* Effect.result(sign);
    const { from, mend } = names[use];
    if (signed._tag === "Success") {
      const owner = ownerIn(signed.success.url);
      passed(`${work} are signed by ${owner}, from ${from}${yield* expiry(doctor, use)}`);
    } else {
      const why = "Nothing can be uploaded or downloaded without credentials.";
      failed(`${work} cannot be signed: ${signed.failure.reason}`, why, mend);
    }
  }
});

const expiry = Effect.fnUntraced(
  function* ({ s3 }: Doctor, use: "put" | "get") {
    if (s3 === undefined) return "";
    const { expiresAt } = yield* s3.signers[use](yield* Clock.currentTimeMillis, 0);
    return expiresAt === undefined ? "" : `, until ${new Date(expiresAt).toISOString()}`;
  },
  Effect.orElseSucceed(() => ""),
);

/** The access key or the account in a signed URL, which is not secret. */
function ownerIn(url: string): string {
  const { searchParams } = new URL(url);
  const credential =
    searchParams.get("X-Amz-Credential") ?? searchParams.get("X-Goog-Credential") ?? "a key";
  return credential.split("/")[0] ?? credential;
}
