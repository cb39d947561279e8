import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { cachedFor } from "../../../application/resilience/cached.ts";
import { LimitsUnavailable } from "../../../domain/errors.ts";
import type { OrganizationId } from "../../../domain/organization.ts";
import { breaker } from "../../redis/breaker.ts";
import { connect } from "../../redis/connection.ts";
import type { RedisSettings } from "../../redis/settings.ts";
import type { DueEntries, Ledger, Outcome, Sums } from "../usage/ledger.ts";
import {
  changeUsage,
  countUsage,
  dueUsage,
  enlistUsage,
  forgetUsage,
  nextUsage,
} from "./usage-scripts.ts";

/** Keeps accounts in Redis, for all processes. */
export const connectLedger = Effect.fnUntraced(function* (
  settings: RedisSettings,
): Effect.fn.Return<Ledger, never, Scope.Scope> {
  const redis = yield* connect(settings, SCRIPTS);
  // Uploads wait as little as for other limits; what is to be counted, or listed, may take longer.
  const [soon, later] = [breaker(50, failure), breaker(1000, failure)];
  let lastReason = "";
  const warn = yield* cachedFor(
    Effect.suspend(() =>
      Effect.logWarning(`Redis cannot be used, so stored bytes are not known: ${lastReason}`),
    ),
    "1 minute",
  );
  const ask = <A>(command: (client: typeof redis) => Promise<A>, protect = later) =>
    Effect.tapError(
      protect((abortSignal) => command(redis.withCommandOptions({ abortSignal }))),
      ({ reason }) => {
        lastReason = reason;
        return warn;
      },
    );
  type CountStep = Parameters<typeof redis.countUsage>[1];
  const count = (organization: OrganizationId, asked: CountStep) =>
    Effect.map(
      ask((client) => client.countUsage(keysOf(organization), asked)),
      (reply): Record<string, string> | undefined => JSON.parse(reply) ?? undefined,
    );

  return {
    organizations: Effect.map(
      ask((client) => client.zRange(ORGANIZATIONS, 0, -1)),
      (names) => names as Array<OrganizationId>,
    ),
    change: Effect.fnUntraced(function* (organization, change) {
      const isAsked = change.limits.length > 0;
      const reply: string = yield* ask(
        (client) => client.changeUsage(keysOf(organization), change),
        isAsked ? soon : later,
      );
      const { sums, since, ...outcome }: Reply = JSON.parse(reply);
      if (outcome.isDue) {
        const enlisted = ask((client) => client.enlistUsage([ORGANIZATIONS], { organization }));
        yield* Effect.forkDetach(Effect.ignore(enlisted));
      }
      return {
        ...outcome,
        since: since === undefined ? undefined : Number(since),
        sums: change.folders.map((_, index) => numbersOf(sums[index])),
      };
    }),
    next: (organization, offset) =>
      Effect.map(
        ask((client) => client.nextUsage(keysOf(organization), { offset })),
        (found) => Arr.chunksOf(found, 2).map(([key, entry = ""]) => [key, entry] as const),
      ),
    due: (organization) =>
      Effect.map(
        ask((client) => client.dueUsage(keysOf(organization), {})),
        (reply): DueEntries => {
          const due = JSON.parse(reply);
          return { ...due, now: Number(due.now) };
        },
      ),
    during: (organization, id, keys) => count(organization, { id, step: "look", keys }),
    scan: (organization, after) =>
      Effect.map(
        ask((client) => client.hScan(keysOf(organization)[2], after || "0", { COUNT: 1000 })),
        ({ cursor, entries }) => ({
          entries: Object.fromEntries(entries.map(({ field, value }) => [field, value])),
          ...(String(cursor) !== "0" && { next: String(cursor) }),
        }),
      ),
    begin: (organization, id) =>
      Effect.map(count(organization, { id, step: "begin" }), (found) => found !== undefined),
    late: (organization, id) =>
      Effect.map(
        count(organization, { id, step: "late" }),
        (found) =>
          found &&
          Object.fromEntries(Object.entries(found).map(([key, size]) => [key, Number(size)])),
      ),
    finish: Effect.fnUntraced(function* (organization, id, { sums, late }) {
      for (const part of partsOf(sums)) {
        if (!(yield* count(organization, { id, step: "add", sums: part }))) return false;
      }
      return (yield* count(organization, { id, step: "finish", late })) !== undefined;
    }),
    end: (organization, id) => Effect.asVoid(count(organization, { id, step: "end" })),
    forget: (organization) =>
      Effect.asVoid(ask((client) => client.forgetUsage(keysOf(organization), {}))),
  };
});

const failure = (reason: string) => new LimitsUnavailable({ reason });

const SCRIPTS = { changeUsage, countUsage, dueUsage, enlistUsage, forgetUsage, nextUsage };

const ORGANIZATIONS = "valetkey:{usage}:organizations";

const keysOf = (organization: OrganizationId) => {
  const key = `valetkey:{organization ${organization}}:usage`;
  return [
    `${key}:settled`,
    `${key}:live`,
    `${key}:entries`,
    `${key}:due`,
    `${key}:count`,
    `${key}:counted`,
  ] as const;
};

type Reply = Omit<Outcome, "sums" | "since"> & {
  readonly sums: Readonly<Record<number, Readonly<Record<string, string>>>>;
  readonly since?: string;
};

const numbersOf = (sum: Readonly<Record<string, string>> = {}) => ({
  files: Number(sum["files"] ?? 0),
  bytes: Number(sum["bytes"] ?? 0),
  granted: Number(sum["granted"] ?? 0),
  open: Number(sum["open"] ?? 0),
  plan: sum["plan"] === undefined ? undefined : Number(sum["plan"]),
});

/** Persons of one command. */
const MOST_FOLDERS = 500;

function* partsOf(sums: Sums): Generator<Sums> {
  const all = Object.entries(sums);
  for (let at = 0; at < all.length; at += MOST_FOLDERS) {
    yield Object.fromEntries(all.slice(at, at + MOST_FOLDERS));
  }
}
