import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { CACHE, cached } from "./cached.ts";
import { isFullRun } from "./full-run.ts";
import { unpacked } from "./packed.ts";

/**
 * Gives a folder the packages that are `asked` for: as a user has them in a full run, and otherwise by
 * links to what `install` installed once for the same, with the package as it is now.
 */
export async function linkPackages(
  folder: string,
  asked: string,
  install: () => Promise<unknown>,
): Promise<void> {
  if (isFullRun) return void (await install());
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(await unpacked(), "package.json"), "utf8"),
  );
  const all = JSON.stringify([asked, dependencies, peerDependencies, process.version]);
  const hash = createHash("sha256").update(all).digest("hex").slice(0, 12);
  const name = `packages-${hash}`;
  const kept = join(CACHE, name);
  const packages = join(folder, "node_modules");
  if (existsSync(kept)) {
    linkInstalled(join(kept, "node_modules"), packages, await unpacked());
  } else {
    await install();
    await cached(name, (fresh) => cpSync(packages, join(fresh, "node_modules"), COPY));
  }
}

/** Links what is installed in a folder into another one, where our package is a copy of `own`. */
export function linkInstalled(from: string, to: string, own: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (name === "valetkey") cpSync(own, target, COPY);
    else if (name === ".bin") cpSync(source, target, COPY);
    else if (name.startsWith("@")) linkInstalled(source, target, own);
    else symlinkSync(source, target);
  }
}

const COPY = { recursive: true, verbatimSymlinks: true };
