import { readFileSync } from "node:fs";
import { compare, valid } from "semver";
import { expect, it } from "vitest";
import { faultsOf, notesOf, sectionsOf } from "../support/release.ts";
import { withVersion } from "../support/set-version.ts";

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
const manifest = JSON.parse(read("package.json"));
const changelog = read("CHANGELOG.md");

it("the version is that of package.json wherever it stands, and one command changes it", () => {
  const places = withVersion(manifest.version);
  expect(places.map(({ file }) => file)).toEqual(
    expect.arrayContaining([
      "adapters/http/version.ts",
      "clients/python/pyproject.toml",
      "deploy/examples/hono/package.json",
      "deploy/kubernetes/base/kustomization.yaml",
      "docs/deploying.md",
    ]),
  );
  for (const { file, is, becomes } of places) expect(is, file).toBe(becomes);
  for (const { file, becomes } of withVersion("9.8.7-rc.1")) {
    expect(becomes, file).not.toContain(manifest.version);
  }
});

it("the changelog tells of versions from the newest to the oldest, on days that follow each other", () => {
  expect(isInOrder(changelog)).toBe(true);
  // There may be no version yet, so that this alone could not fail.
  const [newer, older] = ["## 1.10.0 - 2026-02-01\n", "## 1.2.0 - 2026-01-31\n"];
  expect(isInOrder(newer + older)).toBe(true);
  expect(isInOrder(older + newer)).toBe(false);
  expect(isInOrder(newer + newer)).toBe(false);
  expect(isInOrder(`${newer}## 1.2.0 - 2026-02-02\n`)).toBe(false);
  expect(isInOrder("## 01.2.0 - 2026-02-02\n")).toBe(false);
});

it("the changelog begins with what is unreleased, or with the version of the package", () => {
  const [newest] = sectionsOf(changelog);
  const [heading] = /^## .*$/m.exec(changelog) ?? [];
  if (newest === undefined) expect(heading).toBe("## Unreleased");
  else expect(newest.version).toBe(manifest.version);
});

it("a changelog with a heading that is neither is not read", () => {
  expect(() => sectionsOf("## 1.2 - 2026-01-31")).toThrow('"## 1.2 - 2026-01-31" is neither');
  expect(() => sectionsOf("## 1.2.3")).toThrow("## 1.2.3");
});

/** Tells whether valid versions follow from the newest to the oldest, each once. */
const isInOrder = (text: string) => {
  const sections = sectionsOf(text);
  return sections.every(({ version, day }, at) => {
    const older = sections[at + 1];
    return (
      valid(version) === version &&
      (older === undefined || (compare(version, older.version) > 0 && day >= older.day))
    );
  });
};

it("the notes are what the changelog says of the version, with links that lead from anywhere", () => {
  const text =
    "# Changes\n\n## 1.1.0 - 2026-02-01\n\n- [Here](docs/a.md), [b](https://b.example).\n\n";
  const older = "## 1.0.0 - 2026-01-31\n\n- Older.\n";
  expect(notesOf(text + older, "1.1.0", "https://c.example")).toBe(
    "- [Here](https://c.example/docs/a.md), [b](https://b.example).\n",
  );
  expect(notesOf(text + older, "1.0.0", "")).toBe("- Older.\n");
  expect(notesOf(`## Unreleased\n\n- New.\n\n${older}`, "1.1.0", "")).toBe("- New.\n");
});

const repository = "owner/name";
const good = {
  tag: "v1.2.3",
  repository,
  manifest: {
    version: "1.2.3",
    repository: { url: "git+https://github.com/owner/name.git" },
  },
  changelog: "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-01-31\n\n- This.\n",
  published: undefined,
};

it("a release can be made where tag, version and changelog agree", () => {
  expect(faultsOf(good)).toEqual([]);
  expect(faultsOf({ ...good, published: good.manifest.repository.url })).toEqual([]);
});

it.each([
  ["the tag is another version", { tag: "v1.2.4" }, /tag v1\.2\.3, or set the version/],
  ["the tag has no v", { tag: "1.2.3" }, /tag v1\.2\.3/],
  ["the changelog says nothing of it", { changelog: "## Unreleased\n" }, /## 1\.2\.3 - /],
  [
    "the changelog's newest is another",
    { changelog: `## 1.3.0 - 2026-02-01\n\n${good.changelog}` },
    /does not begin with "## 1\.2\.3/,
  ],
  ["the repository is another", { repository: "fork/name" }, /github\.com\/fork\/name\.git alone/],
  [
    "somebody else has the name on npm",
    { published: "git+https://github.com/else/name.git" },
    /else\/name\.git, and is not ours/,
  ],
])("a release cannot be made where %s", (_, over, says) => {
  const faults = faultsOf({ ...good, ...over });
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(says);
});
