import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A package as npm's lock file has it. */
interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** The packages of the lock file in a folder, by where they are installed; the project is `""`. */
export const readLock = (folder: string): ReadonlyMap<string, Locked> =>
  new Map(
    Object.entries(JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages),
  );

/**
 * Where all that the project needs, or can be given to use, is installed; tools are not. Without
 * optional peers it is what everybody has who installs the package.
 */
export function used(
  lock: ReadonlyMap<string, Locked>,
  { withOptionalPeers = true } = {},
): ReadonlySet<string> {
  const found = new Set<string>();
  const follow = (path: string): void => {
    const {
      dependencies,
      optionalDependencies,
      peerDependencies,
      peerDependenciesMeta: peers,
    } = lock.get(path) ?? {};
    for (const name in { ...dependencies, ...optionalDependencies, ...peerDependencies }) {
      const isDependency = dependencies?.[name] ?? optionalDependencies?.[name];
      if (!withOptionalPeers && !isDependency && peers?.[name]?.optional) continue;
      const at = resolve(lock, path, name);
      if (at === undefined || found.has(at) || TOOLS.has(at)) continue;
      found.add(at);
      follow(at);
    }
  };
  follow("");
  return found;
}

/** A peer of those alone who hold an adapter of their own to the contract. */
const TOOLS: ReadonlySet<string> = new Set(["node_modules/vitest"]);

/** The nearest one above, as Node looks for it. */
function resolve(
  lock: ReadonlyMap<string, Locked>,
  from: string,
  name: string,
): string | undefined {
  const candidate = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  if (lock.has(candidate)) return candidate;
  const above = from.lastIndexOf("/node_modules/");
  return from === "" ? undefined : resolve(lock, above < 0 ? "" : from.slice(0, above), name);
}
