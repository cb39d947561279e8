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
    headers: {
      "Content-Type": "application/json",
      ...JSON_HEADERS,
      ...c.get("answerHeaders"),
      ...headers,
    },
  });
}

/** A problem as RFC 9457 writes it. */
export const documentOf = ({ status, code, title, detail, members }: Problem) => ({
  title,
  status,
  detail,
  code,
  ...members,
});

const PROBLEM = { "Content-Type": "application/problem+json" };

/** What no JSON of ours goes without: nobody may keep it, or take it for something else. */
const JSON_HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** Headers of a problem document that is not answered by the application. */
export const PROBLEM_HEADERS = { ...PROBLEM, ...JSON_HEADERS };

/** A problem as an answer that is made outside of the application. */
export const asResponse = (problem: Problem): Response =>
  Response.json(documentOf(problem), {
    status: problem.status,
    headers: { ...PROBLEM_HEADERS, ...problem.headers },
  });

/** Answers with a problem document, or with a page where a browser asks for one. */
export function answerProblem(c: HttpContext, problem: Problem): Response {
  const { status, code, headers } = problem;
  c.set("code", code);
  if (wantsPage(c)) return answerProblemPage(c, problem);
  return answer(c, documentOf(problem), { status, headers: { ...PROBLEM, ...headers } });
}

/** Answers with what the table of refusals says. */
export const refuse = (c: HttpContext, refusal: Refusal): Response =>
  answerProblem(c, problemOf(refusal));

/** Adds the collected headers to an answer that was made elsewhere. */
export function passOn(c: HttpContext, response: Response): Response {
  for (const [name, value] of Object.entries(c.get("answerHeaders"))) {
    response.headers.set(name, value);
  }
  return response;
}

/**
 * Answers with bytes that are held in memory once. They are handed over piece by piece as the
 * client reads, since a runtime would copy the whole for each answer otherwise.
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

/** How much of an answer is handed to the server at once, in bytes. */
const PIECE = 64 * 1024;
