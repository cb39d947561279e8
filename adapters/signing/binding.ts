import type { GetRequest, PutRequest } from "../../application/ports/presigner.ts";
import type { Pair } from "./v4.ts";

/** What holds a PUT to its grant, in the words of one kind of store. */
export type Binding = (
  request: PutRequest,
  host: string,
) => {
  /** Headers that are signed, in the order of their names. */
  readonly signed: ReadonlyArray<Pair>;
  /** Those of them that no client sends by itself: all but `Content-Length` and `Host`. */
  readonly toSend: Readonly<Record<string, string>>;
};

/** The binding of stores that speak the API of S3; not all know the condition for writing once. */
export const s3Binding =
  (store: { readonly writeOnce: boolean }): Binding =>
  ({ size, mediaType, writeOnce, strict }, host) => {
    const signed: Array<Pair> = [
      ["content-length", String(size)],
      ["content-type", mediaType],
      ["host", host],
    ];
    if (!store.writeOnce || !(writeOnce || strict)) {
      return { signed, toSend: { "Content-Type": mediaType } };
    }
    signed.push(["if-none-match", "*"]);
    return { signed, toSend: { "Content-Type": mediaType, "If-None-Match": "*" } };
  };

/** Query parameters of a GET by which the store answers with our type and disposition. */
export function overridesOfGet(request: GetRequest): ReadonlyArray<Pair> {
  return [
    ["response-content-disposition", request.responseDisposition],
    ["response-content-type", request.responseMediaType],
  ];
}
