import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { proseOf } from "../support/markdown.ts";

// Each promise of three pages names its test: a row of a table in its last column, everything else
// by a comment right behind it, <!--FILE#TITLE-->, which no reader sees. The sentence before a table
// speaks for its rows.

const ROOT = new URL("../..", import.meta.url).pathname;
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const slug = (text: string) => text.toLowerCase().replaceAll(/[^a-z\d]+/g, "-");

/** A sentence with one of these words promises something, as each row of a table does. */
const PROMISING =
  /\b(?:always|cannot|each|every|never|no|nobody|nothing|only|compares|continues|enforces|forbids|refuses?|retries|stops)\b/i;
/** Sections that say what is not promised, or what the reader has to do. */
const WITHOUT_PROMISES = /^(?:Advisories|Your part)\n/;

const COMMENT = /<!--([\w./-]+)#([\w-]+)-->/;
/** The tests in the last cell of a row. */
const filesIn = (line: string) =>
  [...(/[^|]*\|$/.exec(line)?.[0] ?? "").matchAll(/`([\w/.-]+\.ts)`/g)].map(
    ([, file = ""]) => file,
  );

/** The rows and sentences that name no test. */
function unproven(page: string): ReadonlyArray<string> {
  const sections = proseOf(page).split(/^#+ /m);
  return sections.flatMap((section) => {
    if (WITHOUT_PROMISES.test(section)) return [];
    let before = "";
    // Without code, and without the head of tables.
    const text = section.replaceAll(/^(?: {4}.*|\|.*\n\| -.*)$/gm, "");
    return text.split(/\n+/).flatMap((line) => {
      if (line.startsWith("|")) {
        const isNamed = COMMENT.test(before) || COMMENT.test(line) || filesIn(line).length > 0;
        return isNamed ? [] : [line];
      }
      const sentences = line.split(/(?<=[.:*>]) +(?=[^a-z\d ])/);
      before = sentences.at(-1) ?? before;
      return sentences.filter((sentence) => PROMISING.test(sentence) && !COMMENT.test(sentence));
    });
  });
}

it.each(["README.md", "docs/what-is-bound.md", "docs/security.md"])(
  "every promise of %s names a test, which exists",
  (file) => {
    const page = read(file);
    expect(unproven(page)).toEqual([]);
    for (const [, path = "", title = ""] of page.matchAll(new RegExp(COMMENT, "g"))) {
      expect(slug(read(path)), path).toContain(title);
    }
    for (const path of page.split("\n").flatMap(filesIn)) {
      const places = globSync(`{${path},{adapters/contract/promises,tests/http}/${path}}`, {
        cwd: ROOT,
      });
      expect(places, path).toHaveLength(1);
    }
  },
);
