import * as Effect from "effect/Effect";
import { closeSync, existsSync, mkdirSync, openSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SQLInputValue } from "node:sqlite";
import { EventsUnavailable } from "../../domain/errors.ts";
import { errorMessage } from "../values/thrown.ts";
import {
  type Attempt,
  full,
  KEEP_DEAD,
  KEEP_DELIVERED,
  type QueuedEvent,
  LEASE,
  MOST_WAITING,
  type Outbox,
} from "./outbox.ts";

const FIRST = "SELECT lane, min(seq), at, unixepoch() * 1000 FROM events WHERE state = 'waiting'";

// `firsts` has the first waiting message of each lane, so that a claim need not read a long queue,
// and the time of the lane's last change.
const schedule = (change: string, lane: string) => `
CREATE TRIGGER IF NOT EXISTS after_${change} AFTER ${change} ON events BEGIN
  DELETE FROM firsts WHERE lane = ${lane};
  INSERT INTO firsts ${FIRST} AND lane = ${lane} GROUP BY lane;
END;`;

// Triggers keep the counts: counting would read every row.
const tally = (change: string, over: string, steps: string) => `
CREATE TRIGGER IF NOT EXISTS tally_${change} AFTER ${change} ON events ${over} BEGIN ${steps} END;`;
const gone = "UPDATE tallies SET count = count - 1 WHERE state = OLD.state;";
const come = "UPDATE tallies SET count = count + 1 WHERE state = NEW.state;";

// Blocks while another process writes, such as at the start while it makes the tables.
const SETTINGS = `
PRAGMA busy_timeout = 10000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;`;
const ANSWERING = "PRAGMA busy_timeout = 250";

const TABLES = `
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  lane TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  attempts INTEGER NOT NULL DEFAULT 0,
  failure TEXT,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS lanes ON events (lane, seq) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS ended ON events (state, at) WHERE state <> 'waiting';
CREATE TABLE IF NOT EXISTS firsts (
  lane TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS firsts_due ON firsts (at, seq);
CREATE INDEX IF NOT EXISTS firsts_since ON firsts (since, seq);
${schedule("INSERT", "NEW.lane")}${schedule("UPDATE", "NEW.lane")}${schedule("DELETE", "OLD.lane")}
CREATE TABLE IF NOT EXISTS tallies (
  state TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
${tally("INSERT", "", come)}${tally("DELETE", "", gone)}
${tally("UPDATE", "WHEN NEW.state <> OLD.state", gone + come)}
INSERT OR IGNORE INTO tallies VALUES ('waiting', 0), ('dead', 0);
COMMIT;`;

const ANY_TABLE = "SELECT 1 FROM sqlite_schema";
const VERSION = "PRAGMA user_version = 1";

export const PUT = `
INSERT INTO events (id, lane, body, at)
SELECT :id, :lane, :body, :now
WHERE (SELECT count FROM tallies WHERE state = 'waiting') < :most
ON CONFLICT (id) DO NOTHING`;

/** A change later than now is due too: the clock was set back. */
export const CLAIM = `
UPDATE events SET attempts = attempts + 1, at = :now + ${LEASE}
WHERE seq = coalesce(
  (SELECT seq FROM firsts WHERE at <= :now ORDER BY at, seq LIMIT 1),
  (SELECT seq FROM firsts WHERE since > :now + ${LEASE} ORDER BY since, seq LIMIT 1)
)
RETURNING id, lane, body, attempts AS attempt`;

const SETTLE = `
UPDATE events SET state = :state, failure = :failure, at = :at
WHERE id = :id AND attempts = :attempt AND state = 'waiting'`;

const KEPT = "SELECT id, lane, body, state, attempts, failure, at FROM events";

type Values = Record<string, SQLInputValue>;

/** Keeps messages in a SQLite file in that folder, which processes of one machine can share. */
export const sqliteOutbox = (directory: string, most = MOST_WAITING) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => open(directory, most),
      catch: (cause) =>
        `events cannot be kept in ${directory}: ${errorMessage(cause)}; ${isDamaged(cause) ? DAMAGED : WRITABLE}`,
    }).pipe(
      Effect.tap(({ isLost }) =>
        isLost ? Effect.logWarning(LOST, { file: eventsFile(directory) }) : Effect.void,
      ),
    ),
    ({ close }) => Effect.sync(close),
  );

const LOST =
  "the queue of events was removed or emptied since it was last used; events that waited there are lost, and an upload that is confirmed again gives its event again";

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const isDamaged = (cause: unknown) => [11, 26].includes(Object(cause).errcode);
const DAMAGED =
  "events.db is damaged, or another file: restore it, or lose what waits in it and remove it";
const WRITABLE = "make the folder writable, or do without events";

/** Not imported: bundles could not load where the module is missing or empty. */
export function loadSqlite() {
  try {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    new DatabaseSync(":memory:").close();
    return DatabaseSync;
  } catch (cause) {
    throw new Error("this runtime has no node:sqlite", { cause });
  }
}

/** Returns the file in which events wait. */
export const eventsFile = (directory: string): string => join(directory, "events.db");

/** Marks that there was a queue: without it, an empty one is new. */
const MARKER = "events.begun";
const MARKED = "There was a queue of events in this folder: events.db.\n";

function open(
  directory: string,
  most: number,
): Outbox & { readonly close: () => void; readonly isLost: boolean } {
  const DatabaseSync = loadSqlite();
  mkdirSync(directory, { recursive: true });
  const path = eventsFile(directory);
  const marker = join(directory, MARKER);
  // Only the owner may read it.
  closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  database.exec(SETTINGS);
  const isLost = existsSync(marker) && database.prepare(ANY_TABLE).get() === undefined;
  database.exec(TABLES);
  database.exec(VERSION);
  database.exec(ANSWERING);
  writeFileSync(marker, MARKED);
  // Writes into a removed file are lost with the process.
  const identities = () => [path, `${path}-wal`, `${path}-shm`].map(identity).join();
  const opened = identities();
  const checkFiles = () => {
    if (identities() !== opened) throw new Error(`${path} ${REPLACED}`);
  };
  const statement = (sql: string) => {
    const prepared = database.prepare(sql);
    return {
      all: (values: Values) => prepared.all(values) as unknown as ReadonlyArray<QueuedEvent>,
      get: <A = QueuedEvent>(values: Values) => prepared.get(values) as A | undefined,
      run: (values: Values) => Number(prepared.run(values).changes) > 0,
    };
  };
  const put = statement(PUT);
  const claim = statement(CLAIM);
  const settle = statement(SETTLE);
  const find = statement(`${KEPT} WHERE id = :id`);
  const list = statement(`${KEPT} WHERE state = :state ORDER BY seq LIMIT :limit`);
  const resend = statement(
    "UPDATE events SET state = 'waiting', attempts = 0, failure = NULL, at = :now WHERE id = :id",
  );
  const drop = statement("DELETE FROM events WHERE id = :id");
  const count = statement("SELECT count FROM tallies WHERE state = :state");
  const forget = statement("DELETE FROM events WHERE state = :state AND at < :before");
  const countIn = (state: "waiting" | "dead") =>
    count.get<{ count: number }>({ state })?.count ?? 0;
  return {
    put: ({ id, lane, body }) =>
      ask(() => {
        const isNew = put.run({ id, lane, body, most, now: Date.now() });
        if (!isNew && find.get({ id }) === undefined) throw new Error(full(most));
        checkFiles();
      }),
    claim: ask(() => claim.get<Attempt>({ now: Date.now() })),
    settle: ({ id, attempt }, outcome) =>
      ask(() => {
        const { state } = outcome;
        const failure = "failure" in outcome ? outcome.failure : null;
        const at = Date.now() + ("after" in outcome ? outcome.after : 0);
        settle.run({ id, attempt, state, failure, at });
      }),
    list: (state, { limit }) => ask(() => list.all({ state, limit })),
    find: (id) => ask(() => find.get({ id })),
    resend: (id) => ask(() => resend.run({ id, now: Date.now() })),
    drop: (id) => ask(() => drop.run({ id })),
    check: ask(() => {
      // Makes a write that changes nothing.
      database.exec(VERSION);
      checkFiles();
    }),
    counts: ask(() => ({ waiting: countIn("waiting"), dead: countIn("dead") })),
    forget: ask(() => {
      forget.run({ state: "delivered", before: Date.now() - KEEP_DELIVERED });
      forget.run({ state: "dead", before: Date.now() - KEEP_DEAD });
    }),
    close: () => database.close(),
    isLost,
  };
}

const REPLACED =
  "or a file beside it was removed, replaced or emptied while the service ran; put it back, or restart the service";

/** Returns "" if the file is missing or empty; only the write-ahead log may be empty. */
function identity(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  const isThere = stats !== undefined && (stats.size > 0 || path.endsWith("-wal"));
  return isThere ? `${stats.dev}:${stats.ino}` : "";
}

const ask = <A>(use: () => A) =>
  Effect.try({
    try: use,
    catch: (cause) => new EventsUnavailable({ reason: errorMessage(cause) }),
  });
