import { headersNotSigned } from "../store-answer.ts";
import { type Answer, type Cause, cause, type FailedRequest } from "./cause.ts";
import { canonicalOf } from "./canonical-request.ts";
import type { Signed } from "./signed-url.ts";

/** Headers that every client sends by itself. */
const BY_ITSELF: ReadonlySet<string> = new Set(["host", "content-length"]);

/** Whether a header was added, left out or changed. */
export function ofHeaders(
  { headers, absent }: Signed,
  answer: Answer,
  { sent, method }: FailedRequest,
): ReadonlyArray<Cause> {
  const causes: Array<Cause> = [];
  const canonical = canonicalOf(answer);
  const received = canonical ?? sent;
  const missing = headers.filter(
    (name) =>
      received !== undefined &&
      (received.get(name) ?? "") === "" &&
      !(BY_ITSELF.has(name) && canonical === undefined),
  );
  const notSigned = headersNotSigned(answer.text);
  if (notSigned !== undefined) causes.push(added(notSigned));
  // MinIO says the same of a header that was added and of a signed one that is missing.
  else if ((answer.message ?? "").includes("not signed") && missing.length === 0) {
    const bound = headers.filter((name) => !BY_ITSELF.has(name));
    causes.push(
      received === undefined && bound.length > 0
        ? cause(
            `one of ${bound.join(", ")} is missing, which the URL binds; or the request has an x-amz-* header, which was not signed`,
            "send all of put_headers and nothing else of x-amz-*; with --header for each header that was sent, this says which",
          )
        : added("an x-amz-* header"),
    );
  }
  for (const name of absent.filter((name) => (received?.get(name) ?? "") !== "")) {
    causes.push(
      cause(
        `the request has ${name}, which the URL forbids`,
        "send put_headers and nothing else; look at what a proxy adds",
      ),
    );
  }
  for (const name of missing) {
    causes.push(
      cause(
        `the header ${name} is missing, and the URL binds it`,
        "send all of put_headers, exactly as they were returned",
      ),
    );
  }
  if (answer.code === "SignatureDoesNotMatch" && causes.length === 0) {
    const shown = (name: string) => {
      const value = received?.get(name);
      return value === undefined ? "" : ` (it came as ${value})`;
    };
    const bound = headers.filter((name) => name !== "host");
    causes.push(
      cause(
        method !== undefined && !headers.includes("content-type") && method !== "GET"
          ? `${method} was sent, and this URL looks like one for GET`
          : `something that the URL binds was sent otherwise: ${bound.map((name) => `${name}${shown(name)}`).join(", ") || "method, path or query"}`,
        bound.includes("content-type")
          ? "send Content-Type exactly as in put_headers (a browser adds ;charset=UTF-8 to strings: send a Blob or File), and a body of the size that was asked for"
          : "use the URL as it is, with the method it was made for; if every URL fails, the secret key is wrong",
      ),
    );
  }
  return causes;
}

const added = (header: string) =>
  cause(
    `the request has ${header}, which was not signed`,
    "send put_headers and nothing else of x-amz-*; look at what a proxy adds",
  );
