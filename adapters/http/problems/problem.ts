import * as Rec from "effect/Record";
import type { UploadRefused } from "../../../domain/errors.ts";
import { type Language, WIRE } from "./language.ts";
import { PROBLEMS, type Refusal, type Row, type Said } from "./table.ts";

export type { Refusal };

/** A refusal as a client sees it: RFC 9457. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  /** The fault and the remedy. */
  readonly detail: string;
  /** Further members of the document. */
  readonly members: Readonly<Record<string, unknown>>;
  /** In seconds. */
  readonly retryAfter?: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns the problem of a refusal: for clients of the API, or in the language of calls. */
export function problemFrom(refusal: Refusal, say: Language = WIRE): Problem {
  if (refusal._tag === "UploadRefused") return problemInBatch(refusal, say);
  const row: Row = PROBLEMS[refusal._tag];
  // The row takes the refusal of its tag, which the compiler cannot follow through a look-up.
  const facts = refusal as never;
  const resolve = <A extends string | number | object | undefined>(said: Said<A, never>) =>
    typeof said === "function" ? said(facts, say) : said;
  const retryAfter = row.retryAfter && resolve(row.retryAfter);
  const [status, code, title] = resolve(row.answer);
  return {
    status,
    code,
    title,
    detail: resolve(row.detail),
    members: row.values?.(facts, say) ?? Rec.map(row.members ?? {}, (_, name) => facts[name]),
    ...(retryAfter !== undefined && { retryAfter }),
    headers: {
      ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }),
      ...(row.headers && resolve(row.headers)),
    },
  };
}

/** Returns the problem of one file of several, named with its member. */
function problemInBatch({ index, refusal }: UploadRefused, say: Language): Problem {
  const problem = problemFrom(refusal, say);
  const [member, reason] = PROBLEMS[refusal._tag].inBatch;
  const pointer = `/files/${index}/${say.member(member)}`;
  return {
    ...problem,
    detail: `${pointer}: ${problem.detail}`,
    members: { ...problem.members, errors: [{ pointer, reason }] },
  };
}
