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
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...c.get("answerHeaders"),
      ...headers,
    },
  });
}

/** Answers with a problem document. */
export function answerProblem(c: HttpContext, problem: Problem): Response {
  const { status, code, title, detail, members, headers } = problem;
  return answer(
    c,
    { title, status, detail, code, ...members },
    { status, headers: { "Content-Type": "application/problem+json", ...headers } },
  );
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
