import * as Effect from "effect/Effect";
import type { Send } from "../../../application/files/copy-bytes.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { codeIn, temporaryFailure } from "../../storage/rest/temporary.ts";
import { fetchFailure } from "../../values/thrown.ts";

/** Sends a piece of a file; redirects are not followed. */
export const sendBytes: Send = ({ url, headers }, bytes) =>
  Effect.tryPromise({
    try: async (signal) => {
      const body = bytes as Uint8Array<ArrayBuffer>;
      const answer = await fetch(url, { method: "PUT", headers, body, redirect: "manual", signal });
      return { ok: answer.ok, status: answer.status, code: codeIn(await answer.text()) };
    },
    catch: (cause) => new StoreUnavailable({ kind: "unreachable", reason: fetchFailure(cause) }),
  }).pipe(
    Effect.timeoutOrElse({ duration: "10 minutes", orElse: () => Effect.fail(TOO_SLOW) }),
    Effect.flatMap((answer) => (answer.ok ? Effect.void : Effect.fail(refusal(answer)))),
  );

const refusal = (answer: { readonly status: number; readonly code: string | undefined }) =>
  temporaryFailure(answer) ??
  new StoreUnavailable({
    kind: "refused",
    reason: `the store answered ${answer.status} ${answer.code ?? "without a code"} to a copy`,
  });

const TOO_SLOW = new StoreUnavailable({
  kind: "timeout",
  reason: "the new store did not take a piece of a file within 10 minutes",
});
