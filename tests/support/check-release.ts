import { readFileSync } from "node:fs";
import { faultsOf } from "./release.ts";

// `node tests/support/check-release.ts v1.2.3 owner/name`: whether that tag can be released from
// that repository. The workflow of a release asks it first.

const [tag = "", repository = ""] = process.argv.slice(2);
const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

const manifest = JSON.parse(read("package.json"));
const faults = faultsOf({ tag, repository, manifest, changelog: read("CHANGELOG.md") });
for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log(`${tag} can be released.`);
process.exitCode = faults.length === 0 ? 0 : 1;
