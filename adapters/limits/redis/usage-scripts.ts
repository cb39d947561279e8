import { LONGEST } from "../expiring.ts";
import { script } from "../../redis/script.ts";
import type { Change, Sums } from "../usage/ledger.ts";

// Each is atomic, as in `adapters/limits/usage/memory.ts`. Its keys are what is settled, what the
// entries weigh, the entries, when they are due, a count that runs, and what it has counted. All
// expire together: an account that nobody uses for so long is counted anew.

const KEYS = 6;

/** Numbers travel as text, since Lua's JSON has 14 digits. */
const START = `
local settled, live, entries, due, count, counted = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function add(key, sums)
  for folder, weight in pairs(sums) do
    for name, value in pairs(weight) do
      local field = name .. ' ' .. folder
      if value ~= 0 and redis.call('HINCRBY', key, field, value) == 0 then
        redis.call('HDEL', key, field)
      end
    end
  end
end
-- Another server may have an older copy. Without the right to ask, that is not noticed.
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
`;

export const changeUsage = script<Change, string>(
  KEYS,
  `${START}
local isKnown = redis.call('HGET', settled, 'server') == server
local caredAt = tonumber(redis.call('HGET', live, 'cared') or 0)
local isNew = not isKnown and redis.call('HGET', live, 'server') ~= server
local isDue = #input.limits > 0 and (isNew or math.abs(now - caredAt) >= 60000)
if isDue then redis.call('HSET', live, 'cared', now, 'server', server) end
local function sumOf(folder)
  local function field(name) return name .. ' ' .. folder end
  local before = redis.call('HMGET', settled, field('files'), field('bytes'))
  local more = redis.call('HMGET', live, field('files'), field('bytes'), field('granted'), field('open'), field('plan'))
  local function sum(index) return math.max(0, (before[index] or 0) + (more[index] or 0)) end
  return {files = sum(1), bytes = sum(2), granted = sum(3), open = sum(4), plan = more[5] or nil}
end
local function answer(refused)
  local sums = {}
  for index, folder in ipairs(input.folders) do
    sums[index] = sumOf(folder)
    for name, value in pairs(sums[index]) do sums[index][name] = string.format('%.0f', value) end
  end
  return cjson.encode({refused = refused, isKnown = isKnown, isDue = isDue, sums = sums,
    since = isKnown and redis.call('HGET', settled, 'since') or nil})
end
local changed
for key, entry in pairs(input.entries) do
  local was = redis.call('HGET', entries, key) or ''
  if was ~= entry.from then
    changed = changed or {}
    changed[key] = was
  end
end
if changed then return answer({changed = changed}) end
if input.needsKnown and not isKnown then return answer('unknown') end
local isCounting = redis.call('EXISTS', count) == 1
for _, weight in pairs(input.settled) do
  if isCounting and (weight.files or 0) > 0 then return answer('recounting') end
end
for index, limit in ipairs(input.limits) do
  local sum, more = sumOf(limit.folder), input.more[limit.folder] or {}
  if limit.bytes and sum.bytes + sum.granted + (more.granted or 0) > limit.bytes then
    return answer({full = index - 1})
  end
  if limit.open and sum.open + (more.open or 0) > limit.open then return answer({full = 0 - index}) end
end
for folder, plan in pairs(input.plans or {}) do
  if plan == cjson.null then redis.call('HDEL', live, 'plan ' .. folder)
  else redis.call('HSET', live, 'plan ' .. folder, plan) end
end
for key, entry in pairs(input.entries) do
  if entry.to == '' then
    redis.call('HDEL', entries, key)
    redis.call('ZREM', due, key)
  else
    redis.call('HSET', entries, key, entry.to)
    if entry.due > 0 then redis.call('ZADD', due, entry.due, key) end
  end
end
add(live, input.more)
add(settled, input.settled)
if isCounting then
  for key, size in pairs(input.late) do redis.call('HSET', count, 'late ' .. key, size) end
end
for index = 1, 4 do redis.call('PEXPIRE', KEYS[index], ${LONGEST}) end
return answer()
`,
);

/** Entries that are decided at once. */
const MOST_DUE = 500;

export const nextUsage = script<{ readonly offset: number }, ReadonlyArray<string>>(
  KEYS,
  `${START}
local found = {}
for _, key in ipairs(redis.call('ZRANGE', due, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', input.offset, ${MOST_DUE})) do
  table.insert(found, key)
  table.insert(found, redis.call('HGET', entries, key) or '')
end
return found
`,
);

export const dueUsage = script<object, string>(
  KEYS,
  `${START}
local found = {}
for _, key in ipairs(redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, ${MOST_DUE})) do
  found[key] = redis.call('HGET', entries, key) or nil
  if found[key] then redis.call('ZADD', due, now + 60000, key) else redis.call('ZREM', due, key) end
end
return cjson.encode({entries = found, now = string.format('%.0f', now),
  isRecounting = redis.call('EXISTS', count) == 1})
`,
);

/** A count whose process does not go on ends by itself. */
const COUNT_LIFETIME = 600_000;

/** Begins a count, goes on with it, replaces what is settled by it, or gives it up. */
export const countUsage = script<
  {
    readonly id: string;
    readonly step: "begin" | "look" | "late" | "add" | "finish" | "end";
    readonly keys?: ReadonlyArray<string>;
    readonly sums?: Sums;
    readonly late?: number;
  },
  string
>(
  KEYS,
  `${START}
local id = redis.call('HGET', count, 'id')
if input.step == 'begin' and not id then
  redis.call('HSET', count, 'id', input.id)
  redis.call('DEL', counted)
elseif id ~= input.id then return 'null' end
redis.call('PEXPIRE', count, ${COUNT_LIFETIME})
local found = {}
if input.step == 'look' then
  for _, key in ipairs(input.keys) do found[key] = redis.call('HGET', entries, key) or nil end
elseif input.step == 'late' then
  local all = redis.call('HGETALL', count)
  for index = 1, #all, 2 do
    local key = string.match(all[index], '^late (.*)')
    if key then found[key] = all[index + 1] end
  end
elseif input.step == 'add' then
  add(counted, input.sums)
  redis.call('PEXPIRE', counted, ${COUNT_LIFETIME})
elseif input.step == 'finish' then
  if redis.call('HLEN', count) - 1 ~= input.late then
    redis.call('DEL', counted)
    return 'null'
  end
  redis.call('DEL', settled, count)
  if redis.call('EXISTS', counted) == 1 then redis.call('RENAME', counted, settled) end
  redis.call('HSET', settled, 'server', server, 'since', string.format('%.0f', now))
  redis.call('PEXPIRE', settled, ${LONGEST})
elseif input.step == 'end' then
  redis.call('DEL', count, counted)
end
return cjson.encode(found)
`,
);

export const forgetUsage = script<object, unknown>(
  KEYS,
  `${START}
redis.call('HDEL', settled, 'server', 'since')
redis.call('HDEL', live, 'cared')
redis.call('DEL', count, counted)
return 1
`,
);

/** Keeps the names of organizations that have an account. */
export const enlistUsage = script<{ readonly organization: string }, unknown>(
  1,
  `
local now = redis.call('TIME')[1] * 1000
redis.call('ZADD', KEYS[1], now, input.organization)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${LONGEST})
redis.call('PEXPIRE', KEYS[1], ${LONGEST})
return 1
`,
);
