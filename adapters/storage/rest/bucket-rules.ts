import { refusalIn } from "./refusal-reason.ts";
import type { Answer } from "./signed-fetch.ts";

// What a bucket answers about its own rules. A server that does not know a question answers another
// one: it lists or makes the bucket, and would remove it where rules should be removed.

/** Whether the bucket has no such rules. */
export const isUnset = (answer: Answer): boolean =>
  answer.ok
    ? answer.text.trim() === ""
    : answer.status === 404 && /^NoSuch\w*Configuration$/.test(refusalIn(answer).code ?? "");

/** The elements of a name, each as its text from tag to tag. */
export const elementsIn = (text: string, name: string): ReadonlyArray<string> =>
  insideIn(text, name).map((inside) => `<${name}>${inside}</${name}>`);

/** What is inside of each element of a name. */
export const insideIn = (text: string, name: string): ReadonlyArray<string> =>
  text
    .split(`<${name}>`)
    .slice(1)
    .flatMap((rest) => {
      const end = rest.indexOf(`</${name}>`);
      return end === -1 ? [] : [rest.slice(0, end)];
    });

/** Whether a document is the expected one, and all its rules were found. */
export const isWhole = (document: string, root: string, rules: number): boolean =>
  document.includes(`<${root}`) && document.split("Rule>").length - 1 === 2 * rules;
