import type { HttpContext } from "./env.ts";
import { answerProblemPage, wantsPage } from "./problem-page.ts";
import { type Problem, problemOf, type Refusal } from "./problem.ts";

/** Answers with JSON that nobody may keep. */
export function answer(
  c: HttpContext,
  body: unknown,
  {
    status = 200,
    headers = {},
  }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...JSON_HEADERS, ...c.get("answerHeaders"), ...headers },
  });
}

/**
 * Headers of an answer that a browser may keep for `maxAge` seconds and for the same caller, whom a
 * token or, behind a proxy, a cookie identifies. Shared caches may not keep it.
 */
export const keptByBrowser = (c: HttpContext, maxAge: number) => ({
  "Cache-Control": maxAge === 0 ? "no-store" : `private, max-age=${maxAge}`,
  Vary: [c.get("answerHeaders")["Vary"], "Authorization", "Cookie"].filter(Boolean).join(", "),
});

/** Answers that it is done, with nothing to tell. */
export const answerEmpty = (c: HttpContext): Response =>
  new Response(null, {
    status: 204,
    headers: { "Cache-Control": "no-store", ...c.get("answerHeaders") },
  });

/** Answers with what the table of refusals says. */
export const refuse = (c: HttpContext, refusal: Refusal): Response =>
  answerProblem(c, problemOf(refusal));

/** Answers with a problem document, or with a page if a browser asks for one. */
export function answerProblem(c: HttpContext, problem: Problem): Response {
  const { status, code, headers } = problem;
  c.set("code", code);
  if (wantsPage(c)) return answerProblemPage(c, problem);
  return answer(c, documentOf(problem), { status, headers: { ...PROBLEM, ...headers } });
}

/** A problem as an answer that is made outside of the application. */
export function asResponse(problem: Problem): Response {
  const { body, ...init } = partsOf(problem);
  return new Response(body, init);
}

/** The same for what writes an answer itself. */
export const partsOf = (problem: Problem) => ({
  status: problem.status,
  headers: { ...JSON_HEADERS, ...PROBLEM, ...problem.headers },
  body: JSON.stringify(documentOf(problem)),
});

/** A problem as RFC 9457 writes it. */
export const documentOf = ({ status, code, title, detail, members }: Problem) => ({
  title,
  status,
  detail,
  code,
  ...members,
});

/** JSON must not be kept, and not be taken for something else. */
const JSON_HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};
const PROBLEM = { "Content-Type": "application/problem+json" };

/** Adds the collected headers to an answer that something else has made. */
export function passOn(c: HttpContext, response: Response): Response {
  for (const [name, value] of Object.entries(c.get("answerHeaders"))) {
    response.headers.set(name, value);
  }
  return response;
}

/**
 * Answers with bytes that are held in memory once. The server gets them piece by piece as the
 * client reads; otherwise the runtime would copy all of them for each answer.
 */
export function answerHeld(
  c: HttpContext,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Response {
  let position = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(position, position + PIECE));
        position += PIECE;
        if (position >= bytes.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      "Content-Length": String(bytes.length),
      "X-Content-Type-Options": "nosniff",
      ...c.get("answerHeaders"),
      ...headers,
    },
  });
}

/** How many bytes the server gets at once. */
const PIECE = 64 * 1024;
