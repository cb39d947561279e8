import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { METRICS } from "../../adapters/values/metrics.ts";

const page = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");

it("the page has every metric of the code, with its labels and its question, in the same order", () => {
  const rows = page
    .split("\n")
    .filter((line) => /^\| `(?:http|valetkey|nodejs)_/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const documented = rows.map(([, name = "", labels = "", question]) => ({
    name: name.replaceAll("`", ""),
    labels: labels === "" ? [] : labels.replaceAll("`", "").split(", "),
    question,
  }));
  expect(documented).toEqual(
    Object.entries(METRICS).map(([name, { labels, question }]) => ({
      name,
      labels,
      question,
    })),
  );
});
