import { readFile } from "node:fs/promises";

export class PackageMissing extends Error {
  override readonly name = "PackageMissing";
}

/**
 * Handles the failed import of `packages`: rejects with what to install if one is not installed.
 * The import is `await import("…")` in a `try`, which all bundlers see and allow to be missing.
 */
export const neededBy =
  (what: string, ...packages: readonly [string, ...ReadonlyArray<string>]) =>
  async (cause: unknown): Promise<never> => {
    const missing = packages.filter((name) => !isInstalled(name));
    if (missing.length === 0) throw cause;
    const ranges = await rangesFor(missing);
    const [which, are, them] =
      missing.length === 1 ? ["package", "is", "it"] : ["packages", "are", "them"];
    throw new PackageMissing(
      `${what} needs the ${which} ${missing.join(" and ")}, which ${are} not installed; install ${them} with: npm install ${ranges.join(" ")}`,
      { cause },
    );
  };

/**
 * Asks the runtime: messages differ between runtimes, and an installed package that lacks a file
 * fails with the same one. Bun then resolves only its package.json.
 */
const isInstalled = (name: string) => resolves(name) || resolves(`${name}/package.json`);

function resolves(specifier: string): boolean {
  // Missing in some bundles; the failure is then reported as it is.
  if (typeof import.meta.resolve !== "function") return true;
  try {
    return import.meta.resolve(specifier) !== "";
  } catch {
    return false;
  }
}

/** With the version ranges if our package.json can be read. */
async function rangesFor(names: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
  try {
    const manifest = await readFile(manifestAround(import.meta.url), "utf8");
    const { name: own, peerDependencies } = JSON.parse(manifest);
    // In a bundle, it is the package.json of another package.
    if (own !== "valetkey") return names;
    return names.map((name) => `${name}@${peerDependencies[name]}`);
  } catch {
    return names;
  }
}

/**
 * The package.json above `file`, built or not. Bundlers would resolve `new URL("…",
 * import.meta.url)` themselves, and fail.
 */
const manifestAround = (file: string) =>
  new URL(file.endsWith(".js") ? "../../../package.json" : "../../package.json", file);
