import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const ROOT = new URL("../..", import.meta.url).pathname;
const workflows = globSync(".github/workflows/*.yml", { cwd: ROOT }).map(
  (name) => [name, readFileSync(`${ROOT}${name}`, "utf8")] as const,
);

it.each(workflows)("%s may do only what its jobs name, and each of them ends", (_, text) => {
  expect(text).toMatch(/^permissions: \{\}$/m);
  const jobs = text.slice(text.indexOf("\njobs:\n")).split(/^ {2}(?=\w[\w-]*:$)/m);
  expect(jobs.length).toBeGreaterThan(1);
  for (const job of jobs.slice(1)) {
    expect(job).toMatch(/^ {4}permissions:$/m);
    expect(job).toMatch(/^ {4}timeout-minutes: \d+$/m);
  }
});

it("every action is pinned by its commit, beside its version, and by the same one everywhere", () => {
  const pinned = new Map<string, string>();
  for (const [name, text] of workflows) {
    for (const [, action = "", reference = ""] of text.matchAll(
      /^ *-?\s*uses: ([^@\s]+)@?(.*)$/gm,
    )) {
      expect(reference, `${action} in ${name}`).toMatch(/^[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      const repository = action.split("/").slice(0, 2).join("/");
      expect(pinned.get(repository) ?? reference, `${action} in ${name}`).toBe(reference);
      pinned.set(repository, reference);
    }
  }
  expect(pinned.size).toBeGreaterThan(5);
});
