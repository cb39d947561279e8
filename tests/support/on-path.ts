import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Found } from "./setup.ts";

/** Where a command of Debian's `from` is: the one that `variable` names, or the first on the path. */
export function findOnPath(
  name: string,
  { from, variable }: { readonly from: string; readonly variable: string },
): Found<string> {
  const { [variable]: given, PATH = "" } = process.env;
  const onPath = PATH.split(delimiter).map((folder) => join(folder, name));
  const value = given || onPath.find((path) => existsSync(path));
  return { value, source: value ?? `apt-get install ${from}, or name one with ${variable}` };
}
