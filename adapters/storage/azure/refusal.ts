import { StoreUnavailable } from "../../../domain/errors.ts";
import { onOneLine } from "../../values/printable.ts";
import { inWordsOf } from "../place-words.ts";
import { isSenseless, noBucket } from "../rest/refusal-reason.ts";
import type { StoreResponse } from "../rest/signed-fetch.ts";
import { codeIn } from "../rest/temporary.ts";
import type { AzureSettings } from "./settings.ts";

/** Returns the code of an error, which an answer to `HEAD` has only in a header. */
export const errorCode = ({ text, headers }: StoreResponse): string | undefined =>
  codeIn(text) ?? headers.get("x-ms-error-code")?.slice(0, 64);

/** Explains a refusal: "Blob Storage error codes", Azure Storage documentation. */
export function refused(settings: AzureSettings, answer: StoreResponse): StoreUnavailable {
  const code = errorCode(answer);
  const { status, text } = answer;
  const message = onOneLine(/<Message>([^<\n]{1,200})/.exec(text)?.[1] ?? "");
  const summary = `${code ?? status}${message && `: ${message}`}`;
  const advice = code === "ContainerNotFound" ? noContainer(settings) : ADVICE.get(code);
  return new StoreUnavailable({
    kind: isSenseless({ status, code }) ? "senseless" : "refused",
    reason: advice === undefined ? `the store answered ${summary}` : `${advice} (${summary})`,
  });
}

export const noContainer = (settings: AzureSettings): string =>
  inWordsOf(CONTAINER, noBucket(settings));

export const CONTAINER = { word: "container" };

const MAY_NOT =
  "the service may not do this; its identity needs the roles that valetkey policy prints, and nothing may shut out the network of this machine";

const ADVICE: ReadonlyMap<string | undefined, string> = new Map([
  ["AuthenticationFailed", "the key is not that of the account, or this machine's clock is wrong"],
  ["AuthorizationFailure", MAY_NOT],
  ["AuthorizationPermissionMismatch", MAY_NOT],
  [
    "KeyBasedAuthenticationNotPermitted",
    "the account takes no keys: leave the key out, so that an identity signs",
  ],
]);
