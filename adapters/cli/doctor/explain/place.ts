import { regionNamed } from "../store-answer.ts";
import { type Answer, type Cause, cause, type FailedRequest } from "./cause.ts";
import { canonicalOf } from "./canonical-request.ts";
import type { Signed } from "./signed-url.ts";

/** Whether another host, region or key was meant. */
export function ofPlace(
  { host }: URL,
  { accessKey, region }: Signed,
  answer: Answer,
  { hosts = [], accessKeys = [] }: FailedRequest,
): ReadonlyArray<Cause> {
  const causes: Array<Cause> = [];
  if (hosts.length > 0 && !hosts.includes(host)) {
    causes.push(
      cause(
        `the host ${host} is not one that this configuration signs for (${hosts.join(", ")}): it was swapped after signing, or another service signed`,
        "never change a signed URL; set STORAGE_PUBLIC_ENDPOINT to the host that browsers use",
      ),
    );
  }
  const seen = canonicalOf(answer)?.get("host");
  if (seen !== undefined && seen !== host) {
    causes.push(
      cause(
        `the store saw the host ${seen}, and the URL is for ${host}: a proxy changes the header Host`,
        "let the proxy pass it on: nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On",
      ),
    );
  }
  const own = regionNamed(answer.text);
  if (own !== undefined && own !== region) {
    causes.push(
      cause(
        `the URL is signed for the region ${region}, and the bucket is in ${own}`,
        `STORAGE_REGION=${own}`,
      ),
    );
  }
  if (accessKeys.length > 0 && !accessKeys.includes(accessKey)) {
    causes.push(
      cause(
        "the URL is signed by another access key than this configuration has",
        "look at which service signed it; a URL ends with the key that signed it",
      ),
    );
  }
  return causes;
}
