import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { findPythonTool, PYTHON_CHECKS } from "../../support/on-path.ts";

// Holds clients/python to what it is written with: format, lint, types, and its own tests.

const { value, source } = findPythonTool("mypy", PYTHON_CHECKS);
const folder = new URL("../../../clients/python/", import.meta.url).pathname;
const beside = (name: string) => join(dirname(value ?? ""), name);
const FILES = ["--config", "pyproject.toml", ".", import.meta.dirname];

const COMMANDS = [
  [beside("ruff"), "check", ...FILES],
  [beside("ruff"), "format", "--check", ...FILES],
  [beside("mypy")],
  [beside("python"), "-W", "error", "-m", "unittest", "discover", "-s", "tests"],
];

if (value === undefined) {
  console.error(`clients/python was NOT checked; to have mypy: ${source}`);
  if (process.env["CI"]) process.exitCode = 1;
} else {
  for (const [command = "", ...args] of COMMANDS) {
    const env = { ...process.env, PYTHONPATH: "src", PYTHONDONTWRITEBYTECODE: "1" };
    const { status } = spawnSync(command, args, { cwd: folder, env, stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
}
