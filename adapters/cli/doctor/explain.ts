import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import { type Answer, type Cause, cause, type FailedRequest } from "./explain/cause.ts";
import { byCode } from "./explain/code.ts";
import { ofHeaders } from "./explain/headers.ts";
import { ofPlace } from "./explain/place.ts";
import { readSigned, ofUrl, unsigned } from "./explain/signed-url.ts";
import { ofTime } from "./explain/time.ts";

/**
 * Says what differs between a signed URL and the request that failed, the surest first. No cause
 * shows a signature, a token or a query.
 */
export function explain(failed: FailedRequest): ReadonlyArray<Cause> {
  const { status, body = "" } = failed;
  if (!URL.canParse(failed.url)) {
    return [cause("this is not a URL", "give the whole URL, in quotes: the shell splits it at &")];
  }
  const url = new URL(failed.url);
  const signed = readSigned(url);
  const answer: Answer = { ...refusalIn({ status: status ?? 0, text: body }), text: body };
  if (signed === undefined) return [unsigned(url), ...byCode(answer)];
  const causes = [
    ...ofUrl(url, signed),
    ...ofTime(signed, answer, failed.now),
    ...ofPlace(url, signed, answer, failed),
    ...ofHeaders(signed, answer, failed),
    ...byCode(answer),
  ];
  if (causes.length > 0) return causes;
  return [
    cause(
      "nothing in the URL or the answer differs from what was signed",
      `add what is known: --status, --body with the store's XML, --method, and --header for each header that was sent. The URL binds ${signed.headers.join(", ")}`,
    ),
  ];
}
