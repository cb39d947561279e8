import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { faultsOf } from "./release.ts";

// `node tests/support/check-release.ts v1.2.3 owner/name`: whether that tag can be released from
// that repository. The workflow of a release asks it first.

const [tag = "", repository = ""] = process.argv.slice(2);
const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

const manifest = JSON.parse(read("package.json"));
const changelog = read("CHANGELOG.md");
const published = [manifest.name, "create-valetkey"]
  .map(publishedAs)
  .find((url) => url !== undefined && url !== manifest.repository.url);
const faults = faultsOf({ tag, repository, manifest, changelog, published });
for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log(`${tag} can be released.`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** The repository of the package that npm has under a name; undefined if it has none. */
function publishedAs(name: string): string | undefined {
  const asked = spawnSync("npm", ["view", "--json", name, "repository"], {
    encoding: "utf8",
  });
  const { error, url } = JSON.parse(asked.stdout || "{}");
  if (error?.code === "E404") return undefined;
  if (asked.status !== 0) throw new Error(`npm does not say whose ${name} is: ${asked.stderr}`);
  return url ?? "a repository that it does not name";
}
