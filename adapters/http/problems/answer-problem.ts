import { type Answer, JSON_HEADERS } from "../answer.ts";
import type { HttpContext } from "../env.ts";
import { type Problem, problemFrom, type Refusal } from "./problem.ts";
import { problemPage, wantsPage } from "./problem-page.ts";

/** Refuses a request: with a problem document, or with a page if a browser requests one. */
export function refuse(c: HttpContext, refusal: Refusal, requestId: string): Answer {
  const problem = problemFrom(refusal);
  const answer = wantsPage(c) ? problemPage(problem, requestId) : problemDocument(problem);
  return { ...answer, code: problem.code };
}

export function asResponse(problem: Problem): Response {
  const { body, ...init } = problemDocument(problem);
  return new Response(body, init);
}

export const problemDocument = (problem: Problem) => ({
  status: problem.status,
  headers: { ...JSON_HEADERS, "Content-Type": "application/problem+json", ...problem.headers },
  body: JSON.stringify(documentFrom(problem)),
});

/** Writes a problem as RFC 9457 does. */
export const documentFrom = ({ status, code, title, detail, members }: Problem) => ({
  title,
  status,
  detail,
  code,
  ...members,
});
