import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { documentOf, PROBLEM_HEADERS } from "./answer.ts";
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
  const { status, headers, body } = answerTo(refusalOf(error.code));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Answers what Node could read and the standard's `Request` cannot hold, such as no `Host`. */
export function answerUnreadable(): Response {
  const { body, ...init } = answerTo(new MalformedRequest());
  return new Response(body, init);
}

/** Answers a request that the application never sees. */
export function refuseUnseen(outgoing: ServerResponse, refusal: Refusal): void {
  const { status, headers, body } = answerTo(refusal);
  outgoing.writeHead(status, headers).end(body);
}

function answerTo(refusal: Refusal) {
  const problem = problemOf(refusal);
  return {
    status: problem.status,
    headers: { ...PROBLEM_HEADERS, ...problem.headers },
    body: JSON.stringify(documentOf(problem)),
  };
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
