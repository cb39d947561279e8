import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import type { GetRequest, PutRequest } from "../../application/ports/presigner.ts";
import type { Lifetime } from "../../domain/lifetime.ts";
import type { Pair } from "./v4.ts";

/** The headers of a PUT that are signed, in the order in which they are. */
export function headersOfPut(request: PutRequest, host: string): ReadonlyArray<Pair> {
  const headers: Array<Pair> = [
    ["content-length", String(request.size)],
    ["content-type", request.mediaType],
    ["host", host],
  ];
  if (request.writeOnce) headers.push(["if-none-match", "*"]);
  return headers;
}

/** Those of them that no client sends by itself: everything but `Content-Length` and `Host`. */
export function headersToSend(request: PutRequest): Readonly<Record<string, string>> {
  return request.writeOnce
    ? { "Content-Type": request.mediaType, "If-None-Match": "*" }
    : { "Content-Type": request.mediaType };
}

/** Query parameters of a GET by which the store answers with our type and disposition. */
export function overridesOfGet(request: GetRequest): ReadonlyArray<Pair> {
  return [
    ["response-content-disposition", request.responseDisposition],
    ["response-content-type", request.responseMediaType],
  ];
}

/**
 * The instant from which the store refuses what was signed at `now`: the signature counts whole
 * seconds, and ends with the credentials that made it if they end earlier.
 */
export function endOf(now: number, lifetime: Lifetime, credentialsEnd = Infinity): DateTime.Utc {
  const end = Math.floor(now / 1000) * 1000 + Duration.toMillis(lifetime);
  return DateTime.makeUnsafe(Math.min(end, credentialsEnd));
}
