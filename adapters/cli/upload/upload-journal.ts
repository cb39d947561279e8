import * as Schema from "effect/Schema";
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { stateFolder } from "./upload-memory.ts";

/** How long what was uploaded is remembered, in milliseconds. */
const LIFETIME = 24 * 60 * 60 * 1000;

const Line = Schema.fromJsonString(
  Schema.Struct({
    path: Schema.String,
    size: Schema.Number,
    lastModified: Schema.Number,
    at: Schema.Number,
    result: Schema.StructWithRest(Schema.Struct({ file_url: Schema.optionalKey(Schema.String) }), [
      Schema.Record(Schema.String, Schema.Unknown),
    ]),
  }),
);
/** What the command prints of a file. */
export type Arrived = (typeof Line.Type)["result"];

const decodeLine = Schema.decodeUnknownOption(Line);

/**
 * Writes down each file that has arrived, so that the same command continues after a stop of any
 * kind. `scope` names the command. A file that changed since, or arrived more than a day ago, is
 * uploaded again. A full disk costs the memory, not the upload.
 */
export function makeUploadJournal(scope: ReadonlyArray<string>, folder = stateFolder()) {
  const name = createHash("sha256").update(JSON.stringify(scope)).digest("hex").slice(0, 32);
  const journal = join(folder, "arrived", `${name}.jsonl`);
  const known = new Map<string, Arrived>();
  for (const text of linesOf(journal)) {
    const line = decodeLine(text);
    if (line._tag === "None") continue;
    const { at, result, ...facts } = line.value;
    if (Math.abs(Date.now() - at) < LIFETIME) known.set(keyOf(facts), result);
  }
  return {
    find: (path: string, file: File) => known.get(keyOf(factsOf(path, file))),
    add: (path: string, file: File, result: Arrived) => {
      const line = JSON.stringify({ ...factsOf(path, file), at: Date.now(), result });
      ignoringFailure(() => {
        mkdirSync(dirname(journal), { recursive: true, mode: 0o700 });
        appendFileSync(journal, `${line}\n`, { mode: 0o600 });
      });
    },
    end: () => ignoringFailure(() => rmSync(journal, { force: true })),
  };
}

const factsOf = (path: string, { size, lastModified }: File) => ({
  path: resolve(path),
  size,
  lastModified,
});

function ignoringFailure(write: () => void): void {
  try {
    write();
  } catch {
    return;
  }
}

function linesOf(path: string): ReadonlyArray<string> {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

const keyOf = ({ path, size, lastModified }: ReturnType<typeof factsOf>) =>
  JSON.stringify([path, size, lastModified]);
