import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { UploadStorage } from "../browser/client.ts";

/**
 * Where `valetkey upload` remembers what was sent of large files: a file in the user's folder for
 * state (XDG Base Directory Specification). What others write meanwhile is kept; without the file
 * uploads work too, and start anew.
 */
export function makeUploadMemory(path = defaultPath()): UploadStorage {
  const change = (make: (entries: Map<string, string>) => void) => {
    const entries = read(path);
    make(entries);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  return {
    get: (key) => read(path).get(key),
    set: (key, value) => change((entries) => entries.set(key, value)),
    delete: (key) => change((entries) => entries.delete(key)),
    keys: () => read(path).keys(),
  };
}

const defaultPath = () =>
  join(
    process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"),
    "valetkey",
    "uploads.json",
  );

function read(path: string): Map<string, string> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8"))));
  } catch {
    return new Map();
  }
}
