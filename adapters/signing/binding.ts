import type { GetRequest, PutRequest } from "../../application/ports/presigner.ts";
import type { Pair } from "./v4.ts";

/** How the headers of a PUT hold it to its grant, in the words of one kind of store. */
export interface Binding {
  /** The headers that are signed, in the order of their names. */
  readonly headersOfPut: (request: PutRequest, host: string) => ReadonlyArray<Pair>;
  /** Those of them that no client sends by itself: all but `Content-Length` and `Host`. */
  readonly headersToSend: (request: PutRequest) => Readonly<Record<string, string>>;
}

/** The binding of stores that speak the API of S3; not all know the condition for writing once. */
export const s3Binding = (store: { readonly writeOnce: boolean }): Binding => {
  const isOnce = (request: PutRequest) => store.writeOnce && (request.writeOnce || request.strict);
  return {
    headersOfPut: (request, host) => {
      const headers: Array<Pair> = [
        ["content-length", String(request.size)],
        ["content-type", request.mediaType],
        ["host", host],
      ];
      if (isOnce(request)) headers.push(["if-none-match", "*"]);
      return headers;
    },
    headersToSend: (request) =>
      isOnce(request)
        ? { "Content-Type": request.mediaType, "If-None-Match": "*" }
        : { "Content-Type": request.mediaType },
  };
};

/** Query parameters of a GET by which the store answers with our type and disposition. */
export function overridesOfGet(request: GetRequest): ReadonlyArray<Pair> {
  return [
    ["response-content-disposition", request.responseDisposition],
    ["response-content-type", request.responseMediaType],
  ];
}
