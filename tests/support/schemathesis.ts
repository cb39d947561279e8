import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { Found } from "./setup.ts";

const NAME = "schemathesis";
const CACHE = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  "valetkey",
  NAME,
  "bin",
);

/**
 * Where Schemathesis is, or how to get it: `TEST_SCHEMATHESIS`, the first on the path, or the one
 * that `.ci/run` puts into the user's cache.
 */
export function findSchemathesis(): Found<string> {
  const { TEST_SCHEMATHESIS: given, PATH = "" } = process.env;
  const candidates = [...PATH.split(delimiter), CACHE].map((folder) => join(folder, NAME));
  const value = given || candidates.find((path) => existsSync(path));
  return {
    value,
    source: value ?? `pipx install ${NAME}==4.32.5, or name one with TEST_SCHEMATHESIS`,
  };
}
