import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { asResponse, problemDocument } from "../problems/answer-problem.ts";
import { problemFrom, type Refusal } from "../problems/problem.ts";
import { HeadersTooLarge, MalformedRequest, RequestTimeout } from "../problems/refusals.ts";

/** Largest part of a request before its body, in bytes, that Node reads. */
export const HEADERS_LIMIT = 16 * 1024;

/** Longest time for the headers of a request to arrive, in milliseconds. */
export const HEADERS_TIMEOUT = 10_000;

/** Answers input that Node's parser cannot read, and which so never becomes a request. */
export function answerBroken(error: Error & { readonly code?: string }, socket: Duplex): void {
  // The client is gone, or an answer is under way already.
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, headers, body } = problemDocument(problemFrom(refusalFor(error.code)));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Answers what Node can read but a `Request` cannot represent, such as a missing `Host`. */
export const answerUnreadable = (): Response => asResponse(problemFrom(new MalformedRequest()));

export function refuseUnseen(outgoing: ServerResponse, refusal: Refusal): void {
  const { status, headers, body } = problemDocument(problemFrom(refusal));
  outgoing.writeHead(status, headers).end(body);
}

function refusalFor(code: string | undefined): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new HeadersTooLarge({ limit: HEADERS_LIMIT });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new RequestTimeout({ seconds: HEADERS_TIMEOUT / 1000 });
    default:
      return new MalformedRequest();
  }
}
