import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Writes the version of package.json wherever it stands: in the code, which cannot read it once it
// is bundled, in the examples and in what pages tell people to type; and the changelog tells of
// it from today. `npm version` runs it.

const ROOT = new URL("../..", import.meta.url).pathname;

/** What comes before the version. */
const BEFORE = [
  /(?<=export const VERSION = ")[^"]+/g,
  /(?<=valetkey-)\d+\.\d+\.\d+[\w.-]*(?=\.tgz)/g,
  /(?<=^version = ")[^"]+/gm,
  /(?<=newTag: )\d+\.\d+\.\d+[\w.-]*/g,
];

/** Files that have it, by what they are and would be with `version`. */
export function withVersion(version: string): ReadonlyArray<{
  readonly file: string;
  readonly is: string;
  readonly becomes: string;
}> {
  const files = globSync(
    [
      "README.md",
      "docs/**/*.md",
      "deploy/create/README.md",
      "deploy/examples/*/package.json",
      "deploy/kubernetes/base/kustomization.yaml",
      "adapters/http/version.ts",
      "clients/python/pyproject.toml",
    ],
    { cwd: ROOT },
  );
  return files.flatMap((file) => {
    const is = readFileSync(join(ROOT, file), "utf8");
    const becomes = BEFORE.reduce((text, place) => text.replaceAll(place, version), is);
    return BEFORE.some((place) => is.search(place) >= 0) ? [{ file, is, becomes }] : [];
  });
}

if (process.argv[1] === import.meta.filename) {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const { file, becomes } of withVersion(version)) writeFileSync(join(ROOT, file), becomes);
  const changelog = join(ROOT, "CHANGELOG.md");
  const today = new Date().toISOString().slice(0, 10);
  const text = readFileSync(changelog, "utf8");
  writeFileSync(changelog, text.replace(/^## Unreleased$/m, `## ${version} - ${today}`));
}
