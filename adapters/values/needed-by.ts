import { readFile } from "node:fs/promises";

export class PackageMissing extends Error {
  override readonly name = "PackageMissing";
}

/**
 * Handles a failed import of `packages`: rejects with what to install if one is not installed. The
 * import must be `await import("…")` in a `try`: bundlers see it, and allow it to be missing.
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
 * Asks the runtime, since error messages differ, and are the same for an installed package that
 * lacks a file. Bun then resolves only its package.json.
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

/** Adds the version ranges if this package's package.json can be read. */
async function rangesFor(names: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
  try {
    const manifest = await readFile(manifestAround(import.meta.url), "utf8");
    const { name, peerDependencies } = JSON.parse(manifest);
    // In a bundle, the file may be the package.json of another package.
    if (name !== "valetkey") return names;
    return names.map((name) => `${name}@${peerDependencies[name]}`);
  } catch {
    return names;
  }
}

/**
 * Returns the package.json above `file`, built or not. Bundlers would resolve `new URL("…",
 * import.meta.url)` themselves, and fail.
 */
const manifestAround = (file: string) =>
  new URL(file.endsWith(".js") ? "../../../package.json" : "../../package.json", file);
