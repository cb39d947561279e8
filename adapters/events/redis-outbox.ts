import * as Effect from "effect/Effect";
import { EventsUnavailable } from "../../domain/errors.ts";
import { breaker } from "../redis/breaker.ts";
import { connect } from "../redis/connection.ts";
import { script } from "../redis/script.ts";
import type { RedisSettings } from "../redis/settings.ts";
import {
  type Attempt,
  full,
  KEEP_DEAD,
  KEEP_DELIVERED,
  type QueuedEvent,
  LEASE,
  MOST_WAITING,
  type Outbox,
  type State,
} from "./outbox.ts";

// Keys: a hash for each message, a sorted set of ids for each state, one of the waiting ids of each
// lane in their order, and two of lanes: by the due time of their first message, and by their last
// change. The scripts make the names; one hash tag keeps all on one node of a cluster.

/** Longest wait for Redis, in milliseconds. */
const LONGEST_WAIT = 1000;

const KEYS: [string] = ["valetkey:{events}:"];

const command = <Given extends object, Reply>(lua: string) =>
  script<Given, Reply>(
    1,
    `
local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local function event(id) return base .. 'event:' .. id end
local function write(id, ...) redis.call('HSET', event(id), ...) end
local function text(number) return string.format('%.17g', number) end
local function schedule(lane)
  local id = redis.call('ZRANGE', base .. 'lane:' .. lane, 0, 0)[1]
  if not id then
    redis.call('ZREM', base .. 'lanes', lane)
    return redis.call('ZREM', base .. 'since', lane)
  end
  redis.call('ZADD', base .. 'lanes', redis.call('HGET', event(id), 'at') or 0, lane)
  redis.call('ZADD', base .. 'since', text(now), lane)
end
local function remove(id, lane)
  for _, name in ipairs({'waiting', 'delivered', 'dead', 'lane:' .. lane}) do
    redis.call('ZREM', base .. name, id)
  end
  schedule(lane)
end
local function wait(id, lane, body, seq)
  write(id, 'id', id, 'lane', lane, 'body', body, 'seq', seq, 'attempts', 0, 'at', text(now),
    'state', 'waiting', 'failure', '')
  redis.call('ZADD', base .. 'waiting', seq, id)
  redis.call('ZADD', base .. 'lane:' .. lane, seq, id)
  schedule(lane)
end
${lua}`,
  );

const SCRIPTS = {
  put: command<{ id: string; lane: string; body: string; most: number }, 0 | 1>(`
if redis.call('EXISTS', event(input.id)) == 1 then return 1 end
if redis.call('ZCARD', base .. 'waiting') >= input.most then return 0 end
wait(input.id, input.lane, input.body, redis.call('HINCRBY', base .. 'order', 'seq', 1))
return 1`),

  claim: command<{ lease: number }, string | null>(`
while true do
  local function first(name, from, to)
    return redis.call('ZRANGE', base .. name, from, to, 'BYSCORE', 'LIMIT', 0, 1)[1]
  end
  -- What changed later than now is due: the clock was set back.
  local lane = first('lanes', '-inf', text(now)) or first('since', text(now + input.lease), '+inf')
  if not lane then return nil end
  local id = redis.call('ZRANGE', base .. 'lane:' .. lane, 0, 0)[1] or ''
  local body = redis.call('HGET', event(id), 'body')
  if body then
    local attempt = redis.call('HINCRBY', event(id), 'attempts', 1)
    write(id, 'at', text(now + input.lease))
    schedule(lane)
    return cjson.encode({id = id, lane = lane, body = body, attempt = attempt})
  end
  -- Redis has evicted it.
  remove(id, lane)
end`),

  settle: command<
    { id: string; attempt: number; state: State; failure: string; after: number; keep: number },
    unknown
  >(`
local id, state = input.id, input.state
local kept = redis.call('HMGET', event(id), 'state', 'attempts', 'lane')
if kept[1] ~= 'waiting' or tonumber(kept[2]) ~= input.attempt then return end
write(id, 'state', state, 'failure', input.failure, 'at', text(now + input.after))
if state == 'waiting' then return schedule(kept[3]) end
remove(id, kept[3])
redis.call('ZADD', base .. state, text(now), id)
redis.call('PEXPIRE', event(id), input.keep)`),

  read: command<{ state: State; limit: number } | { id: string }, ReadonlyArray<string>>(`
local events = {}
local ids = input.id and {input.id} or redis.call('ZRANGE', base .. input.state, 0, input.limit - 1)
for _, id in ipairs(ids) do
  local kept = redis.call(
    'HMGET', event(id), 'lane', 'body', 'state', 'attempts', 'failure', 'at')
  if kept[1] then
    table.insert(events, cjson.encode({id = id, lane = kept[1], body = kept[2], state = kept[3],
      attempts = tonumber(kept[4]), failure = kept[5] ~= '' and kept[5] or nil,
      at = math.floor(kept[6])}))
  end
end
return events`),

  change: command<{ id: string; isResent: boolean }, 0 | 1>(`
local kept = redis.call('HMGET', event(input.id), 'lane', 'body', 'seq')
if not kept[1] then return 0 end
redis.call('DEL', event(input.id))
remove(input.id, kept[1])
if input.isResent then wait(input.id, kept[1], kept[2], kept[3]) end
return 1`),

  count: command<object, readonly [waiting: number, dead: number]>(`
return {redis.call('ZCARD', base .. 'waiting'), redis.call('ZCARD', base .. 'dead')}`),

  check: command<object, unknown>(`
redis.call('HSET', base .. 'probe', 'at', text(now))
redis.call('PEXPIRE', base .. 'probe', 1000)`),

  forget: command<Readonly<Record<"delivered" | "dead", number>>, unknown>(`
for state, keep in pairs(input) do
  redis.call('ZREMRANGEBYSCORE', base .. state, '-inf', text(now - keep))
end`),
};

const KEEP = { waiting: 0, delivered: KEEP_DELIVERED, dead: KEEP_DEAD };

/** Keeps messages in Redis, by its clock, for processes of all machines, until the scope closes. */
export const redisOutbox = Effect.fnUntraced(function* (
  settings: RedisSettings,
  most = MOST_WAITING,
) {
  const redis = yield* connect(settings, SCRIPTS);
  const protect = breaker(LONGEST_WAIT, (reason) => new EventsUnavailable({ reason }));
  const ask = <A>(use: (client: typeof redis) => Promise<A>) =>
    protect((abortSignal) => use(redis.withCommandOptions({ abortSignal })));
  const change = (id: string, isResent: boolean) =>
    Effect.map(
      ask((client) => client.change(KEYS, { id, isResent })),
      (changed) => changed === 1,
    );
  const read = (input: Parameters<typeof redis.read>[1]) =>
    Effect.map(
      ask((client) => client.read(KEYS, input)),
      (events) => events.map((kept): QueuedEvent => JSON.parse(kept)),
    );
  return {
    put: (message) =>
      Effect.filterOrFail(
        ask((client) => client.put(KEYS, { ...message, most })),
        (kept) => kept === 1,
        () => new EventsUnavailable({ reason: full(most) }),
      ),
    claim: Effect.map(
      ask((client) => client.claim(KEYS, { lease: LEASE })),
      (claimed): Attempt | undefined => (claimed === null ? undefined : JSON.parse(claimed)),
    ),
    settle: ({ id, attempt }, outcome) => {
      const { state } = outcome;
      const input = { id, attempt, failure: "", after: 0, ...outcome, keep: KEEP[state] };
      return ask((client) => client.settle(KEYS, input));
    },
    list: (state, { limit }) => read({ state, limit }),
    find: (id) => Effect.map(read({ id }), ([found]) => found),
    resend: (id) => change(id, true),
    drop: (id) => change(id, false),
    counts: Effect.map(
      ask((client) => client.count(KEYS, {})),
      ([waiting, dead]) => ({ waiting, dead }),
    ),
    check: ask((client) => client.check(KEYS, {})),
    forget: ask((client) => client.forget(KEYS, { delivered: KEEP_DELIVERED, dead: KEEP_DEAD })),
  } satisfies Outbox;
});
