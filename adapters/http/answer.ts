import type { HttpContext } from "./env.ts";
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

/** Answers with a problem document. */
export function answerProblem(c: HttpContext, problem: Problem): Response {
  const { status, code, headers } = problem;
  c.set("code", code);
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
