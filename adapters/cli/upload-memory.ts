import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { UploadStorage } from "../client/client.ts";

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

/** Most bytes of the file: with ETags of 10,000 parts an upload takes less than one of them. */
const MOST_BYTES = 16 * 2 ** 20;

function read(path: string): Map<string, string> {
  try {
    if (statSync(path).size > MOST_BYTES) return new Map();
    // What is of no upload, the client forgets.
    return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8"))));
  } catch {
    return new Map();
  }
}
