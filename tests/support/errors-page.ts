import { SAMPLES } from "../../adapters/http/problems/samples.ts";

/** The whole page, as it is in docs/errors.md: every refusal once, in the order of its status. */
export function errorsPage(): string {
  const problems = SAMPLES.filter(
    // Of most one is enough; a member that is wrong has a code for each member.
    ({ refusal: { _tag } }, at) =>
      _tag === "InvalidMember" || SAMPLES[at - 1]?.refusal._tag !== _tag,
  ).map(({ problem }) => problem);
  const sections = Map.groupBy(
    problems.toSorted((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1)),
    ({ status }) => status,
  );
  const texts = [...sections].map(([status, some]) => {
    const details = some.map(({ detail }) => detail);
    const timesOf = (detail: string) => details.filter((each) => each === detail).length;
    const shared = details.find((detail) => timesOf(detail) > 2);
    const lines = some.map(({ code, title, detail }) => {
      return `- \`${code}\`: **${title}.**${detail === shared ? "" : ` ${detail}`}\n`;
    });
    const opening = shared === undefined ? "" : `Where none follows, the detail is: ${shared}\n\n`;
    return `\n## ${status}\n\n${opening}${[...new Set(lines)].join("")}`;
  });
  return `${OPENING}${texts.join("")}`;
}

const OPENING = `# Errors

A refusal is \`application/problem+json\` (RFC 9457) with a stable \`code\`, a title and a detail. Switch on the code; show the detail to the person who can act on it. A 429 or 503 has \`Retry-After\`. A browser that opens a dead link gets a page. In the package, check \`isValetkeyError(error)\`, then \`error.code\`.

A refusal in XML is [from the store](troubleshooting.md#a-refusal-from-the-store). A request with several faults gets [the first of this order](order-of-refusals.md). \`npm run generate\` makes this page.
`;
