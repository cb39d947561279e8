import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { UploadStorage } from "../../client/client.ts";

/**
 * Remembers the sent parts of large files in the user's folder for state (XDG Base Directory
 * Specification). Entries of other processes are kept; without the file uploads start anew.
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

const defaultPath = () => join(stateFolder(), "uploads.json");

/** The user's folder for state of this command. */
export const stateFolder = (): string =>
  join(process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "valetkey");

/** Largest file that is read; an upload of 10,000 parts takes less than 1 MiB with its ETags. */
const MAX_BYTES = 16 * 2 ** 20;

function read(path: string): Map<string, string> {
  try {
    if (statSync(path).size > MAX_BYTES) return new Map();
    // The client removes entries that it does not know.
    return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8"))));
  } catch {
    return new Map();
  }
}
