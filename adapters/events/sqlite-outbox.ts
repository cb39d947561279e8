import * as Effect from "effect/Effect";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { SQLInputValue } from "node:sqlite";
import { EventsUnavailable } from "../../domain/errors.ts";
import { errorMessage } from "../thrown.ts";
import {
  type Attempt,
  full,
  KEEP_DEAD,
  KEEP_DELIVERED,
  type Kept,
  LEASE,
  MOST_WAITING,
  type Outbox,
} from "./outbox.ts";

// While another process writes, this one stands still.
const TABLE = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 250;
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
CREATE INDEX IF NOT EXISTS due ON events (at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS lanes ON events (lane, seq) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS ended ON events (state, at) WHERE state <> 'waiting';`;

const VERSION = "PRAGMA user_version = 1";

const PUT = `
INSERT INTO events (id, lane, body, at)
SELECT :id, :lane, :body, :now
WHERE (SELECT count(*) FROM events WHERE state = 'waiting') < :most
ON CONFLICT (id) DO NOTHING`;

const CLAIM = `
UPDATE events SET attempts = attempts + 1, at = :now + ${LEASE}
WHERE seq = (
  SELECT seq FROM events AS next
  WHERE state = 'waiting' AND at <= :now AND NOT EXISTS (
    SELECT 1 FROM events
    WHERE state = 'waiting' AND lane = next.lane AND seq < next.seq
  )
  ORDER BY at, seq LIMIT 1
)
RETURNING id, lane, body, attempts AS attempt`;

const SETTLE = `
UPDATE events SET state = :state, failure = :failure, at = :at
WHERE id = :id AND attempts = :attempt AND state = 'waiting'`;

const KEPT = "SELECT id, lane, body, state, attempts, failure, at FROM events";

type Values = Record<string, SQLInputValue>;

/** Keeps messages in a file of SQLite in that folder, which all processes of one machine can share. */
export const sqliteOutbox = (directory: string, most = MOST_WAITING) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => open(directory, most),
      catch: (cause) =>
        `events cannot be kept in ${directory}: ${errorMessage(cause)}; make the folder writable, or do without events`,
    }),
    ({ close }) => Effect.sync(close),
  );

/** Not an import, which would keep bundles from loading where there is none, or an empty module. */
export function loadSqlite() {
  try {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    new DatabaseSync(":memory:").close();
    return DatabaseSync;
  } catch (cause) {
    throw new Error("this runtime has no node:sqlite", { cause });
  }
}

/** The file in which events wait, in that folder. */
export const eventsFile = (directory: string): string => join(directory, "events.db");

function open(directory: string, most: number): Outbox & { readonly close: () => void } {
  const DatabaseSync = loadSqlite();
  mkdirSync(directory, { recursive: true });
  const path = eventsFile(directory);
  // Its owner alone may read it.
  closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  database.exec(TABLE);
  database.exec(VERSION);
  const statement = (sql: string) => {
    const prepared = database.prepare(sql);
    return {
      all: (values: Values) => prepared.all(values) as unknown as ReadonlyArray<Kept>,
      get: <A = Kept>(values: Values) => prepared.get(values) as A | undefined,
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
  const count = statement("SELECT count(*) AS count FROM events WHERE state = :state");
  const forget = statement("DELETE FROM events WHERE state = :state AND at < :before");
  const countIn = (state: "waiting" | "dead") =>
    count.get<{ count: number }>({ state })?.count ?? 0;
  return {
    put: ({ id, lane, body }) =>
      ask(() => {
        const isNew = put.run({ id, lane, body, most, now: Date.now() });
        if (!isNew && find.get({ id }) === undefined) throw new Error(full(most));
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
    // A write that changes nothing.
    check: ask(() => database.exec(VERSION)),
    counts: ask(() => ({ waiting: countIn("waiting"), dead: countIn("dead") })),
    forget: ask(() => {
      forget.run({ state: "delivered", before: Date.now() - KEEP_DELIVERED });
      forget.run({ state: "dead", before: Date.now() - KEEP_DEAD });
    }),
    close: () => database.close(),
  };
}

const ask = <A>(use: () => A) =>
  Effect.try({
    try: use,
    catch: (cause) => new EventsUnavailable({ reason: errorMessage(cause) }),
  });
