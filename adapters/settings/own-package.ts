import { readFile } from "node:fs/promises";

/** What the package says of itself. */
export interface OwnPackage {
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/**
 * The package.json of the package that this file is in, built or not; rejects where it is in none,
 * as in a bundle.
 */
export async function ownPackage(): Promise<OwnPackage> {
  const built = import.meta.url.endsWith(".js");
  const url = new URL(`${built ? "../../../" : "../../"}package.json`, import.meta.url);
  const found = JSON.parse(await readFile(url, "utf8")) as OwnPackage & { readonly name: string };
  if (found.name !== "valetkey") throw new Error(`${url.href} is of another package`);
  return found;
}
