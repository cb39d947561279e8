import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { credentialsPrefix, SHORTEST_CREDENTIALS } from "../../../domain/credentials-grant.ts";
import { check, type Doctor, ORGANIZATION } from "./doctor.ts";
import { OWN_KEY } from "./privilege.ts";

export const credentials = check("credentials", function* (doctor, { passed, failed }) {
  for (const [use, work, sign] of [
    ["put", "uploads", doctor.signPut()],
    ["get", "downloads", doctor.signGet(doctor.newKey())],
  ] as const) {
    const signed = yield* Effect.result(sign);
    const { from, mend } = doctor.names[use];
    if (signed._tag === "Failure") {
      const { reason, isFinal } = signed.failure;
      const why = "Nothing can be uploaded or downloaded without credentials.";
      failed(`${work} cannot be signed: ${reason}`, why, isFinal ? OWN_KEY : mend);
      continue;
    }
    // The access key or the account, which is not secret.
    const { searchParams } = new URL(signed.success.url);
    const credential =
      searchParams.get("X-Amz-Credential") ?? searchParams.get("X-Goog-Credential");
    const [owner] = (credential ?? "a key").split("/");
    passed(`${work} are signed by ${owner}, from ${from}${yield* expiry(doctor, use)}`);
  }
  const { credentials: issue } = doctor.store;
  if (issue === undefined || !doctor.hasTools) return;
  const prefix = credentialsPrefix({ organization: ORGANIZATION, id: crypto.randomUUID() });
  const request = { prefix, lifetime: SHORTEST_CREDENTIALS, audience: "public" } as const;
  const issued = yield* Effect.result(issue(request));
  if (issued._tag === "Success") return passed("tools get temporary credentials for one prefix");
  const why = "A policy has credentials, and each request for them is answered with 503.";
  failed(`tools get no temporary credentials: ${issued.failure.reason}`, why, BY_STORE);
});

const BY_STORE =
  "see https://github.com/valetkey/valetkey/blob/main/docs/stores.md for what your store asks of the key or the role that gives them";

const expiry = Effect.fnUntraced(
  function* ({ s3 }: Doctor, use: "put" | "get") {
    if (s3 === undefined) return "";
    const { expiresAt } = yield* s3.signers[use](yield* Clock.currentTimeMillis, 0);
    return expiresAt === undefined ? "" : `, until ${new Date(expiresAt).toISOString()}`;
  },
  Effect.orElseSucceed(() => ""),
);
