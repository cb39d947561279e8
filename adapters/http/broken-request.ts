import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { problemOf, type Refusal } from "./problem.ts";
import { HeadersTooLarge, MalformedRequest, RequestTimeout } from "./refusals.ts";

/** How much Node reads of a request before its body, in bytes. */
export const HEADERS_LIMIT = 16 * 1024;

/** How long a request may take to tell what it is, in milliseconds. */
export const HEADERS_TIMEOUT = 10_000;

/** Answers what Node's parser has given up, which never becomes a request. */
export function answerBroken(error: Error & { readonly code?: string }, socket: Duplex): void {
  // There is nobody to answer, or an answer is under way already.
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, headers, members, ...problem } = problemOf(refusalOf(error.code));
  const body = JSON.stringify({ ...problem, status, ...members });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries({
      "Content-Type": "application/problem+json",
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

function refusalOf(code: string | undefined): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new HeadersTooLarge({ limit: HEADERS_LIMIT });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new RequestTimeout({ seconds: HEADERS_TIMEOUT / 1000 });
    default:
      return new MalformedRequest();
  }
}
