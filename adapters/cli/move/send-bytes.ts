import * as Effect from "effect/Effect";
import type { Send } from "../../../application/files/copy-bytes.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { exchange } from "../../storage/rest/signed-fetch.ts";
import { codeIn } from "../../storage/rest/temporary.ts";
import type { Untrusted } from "../../storage/untrusted.ts";

/** Returns how to send pieces of files to a store; `untrusted` is set if its owner is not trusted. */
export const sendTo =
  (untrusted?: Untrusted): Send =>
  (request, bytes) =>
    exchange(
      { untrusted },
      { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> },
      request,
    ).pipe(
      Effect.timeoutOrElse({ duration: "10 minutes", orElse: () => Effect.fail(TOO_SLOW) }),
      Effect.flatMap((answer) => (answer.ok ? Effect.void : Effect.fail(refusal(answer)))),
    );

const refusal = ({ status, text }: { readonly status: number; readonly text: string }) =>
  new StoreUnavailable({
    kind: "refused",
    reason: `the store answered ${status} ${codeIn(text) ?? "without a code"} to a copy`,
  });

const TOO_SLOW = new StoreUnavailable({
  kind: "timeout",
  reason: "the new store did not take a piece of a file within 10 minutes",
});
