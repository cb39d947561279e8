import { billOfMaterials } from "../../deploy/bom.ts";
import { readLock, used } from "./lock.ts";

// `node tests/support/package-bom.ts`: prints what comes with the package on npm, in CycloneDX's
// JSON. The workflow of a release publishes it.

const ROOT = new URL("../..", import.meta.url).pathname;

/** What everybody has who installs the package, at the versions that it was tested with. */
export function packageBom() {
  const lock = readLock(ROOT);
  const needed = [...used(lock, { withOptionalPeers: false })].map(
    (path) => `${path.replace(/.*node_modules\//, "")}@${lock.get(path)?.version}`,
  );
  return billOfMaterials(ROOT, new Set(needed));
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(packageBom()));
