import { SAMPLES } from "../../adapters/http/problems/samples.ts";
import {
  internalProblem,
  type Problem,
  problemFrom,
  type Refusal,
} from "../../adapters/http/problems/problem.ts";
import { tableOf } from "./markdown.ts";

/** The whole page, as it is in docs/errors.md: every refusal once, in the order of its status. */
export function errorsPage(): string {
  const samples: ReadonlyArray<ReadonlyArray<Refusal>> = Object.values(SAMPLES);
  const problems: Array<Problem> = samples
    // Of most one is enough; a member that is wrong has a code for each member.
    .flatMap((some) => some.slice(0, some[0]?._tag === "InvalidMember" ? undefined : 1))
    .map((refusal) => problemFrom(refusal));
  problems.push(internalProblem("REQUEST_ID"));
  const rows = problems
    .toSorted((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1))
    .map(({ status, code, title, detail }) => [`${status}`, `\`${code}\``, title, detail]);
  const unique = new Map(rows.map((row) => [row.join("|"), row]));
  return `${OPENING}\n${tableOf([["status", "code", "title", "detail"], ...unique.values()])}`;
}

const OPENING = `# Errors

A refusal is \`application/problem+json\` (RFC 9457) with a \`code\` that stays the same between versions. Switch on \`code\`; show \`detail\` to the person who can act on it. A 429 or 503 has \`Retry-After\`. A browser that opens a dead link (\`Accept: text/html\`) gets the same as a page. In the package the same codes are on the error: \`isValetkeyError(error)\`, then \`error.code\`.

A refusal in XML is from the store: see [a refusal from the store](troubleshooting.md#a-refusal-from-the-store). Why one of several faults is answered first is in [the order of refusals](order-of-refusals.md).

This page is made by \`npm run generate\` from the table in the code.
`;
