import { readFile } from "node:fs/promises";

/** A package that this one leaves to whoever uses it, and that is needed now, is not installed. */
export class PackageMissing extends Error {
  override readonly name = "PackageMissing";
}

/**
 * For the failed import of `packages`: rejects with a `PackageMissing` that says what to install
 * where one is not installed, and with the failure itself where they are. The import stands as
 * `await import("…")` in a `try`: so bundlers see it, and forgive where the package is not there.
 * With `.catch` not all of them do.
 */
export const neededBy =
  (what: string, ...packages: readonly [string, ...ReadonlyArray<string>]) =>
  async (cause: unknown): Promise<never> => {
    const missing = packages.filter((name) => !isInstalled(name));
    if (missing.length === 0) throw cause;
    const ranges = await rangesOf(missing);
    const [which, are, them] =
      missing.length === 1 ? ["package", "is", "it"] : ["packages", "are", "them"];
    throw new PackageMissing(
      `${what} needs the ${which} ${missing.join(" and ")}, which ${are} not installed; install ${them} with: npm install ${ranges.join(" ")}`,
      { cause },
    );
  };

/**
 * Asks the runtime, since each words its failures in its own way, and a package that is there can
 * fail in the same words: it may miss a package of its own, or one of its files. Bun resolves no
 * package whose file is gone, but still its package.json.
 */
const isInstalled = (name: string) => resolves(name) || resolves(`${name}/package.json`);

function resolves(specifier: string): boolean {
  // A bundle may have no such function; then nobody can say, and the failure is told as it is.
  if (typeof import.meta.resolve !== "function") return true;
  try {
    return import.meta.resolve(specifier) !== "";
  } catch {
    return false;
  }
}

/** The packages as npm takes them, with the ranges that ours allows, where it can be read. */
async function rangesOf(names: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
  try {
    const manifest = await readFile(manifestAround(import.meta.url), "utf8");
    const { name: own, peerDependencies } = JSON.parse(manifest);
    // From a bundle it is somebody else's.
    if (own !== "valetkey") return names;
    return names.map((name) => `${name}@${peerDependencies[name]}`);
  } catch {
    return names;
  }
}

/**
 * The package.json of the package that `file` is in, built or not. It is told its own file, since
 * bundlers take an address that is made of `import.meta.url` for a file of theirs, and fail where
 * they cannot tell which.
 */
const manifestAround = (file: string) =>
  new URL(file.endsWith(".js") ? "../../../package.json" : "../../package.json", file);
