import { type CommandParser, defineScript } from "@redis/client";

// Each decision is one script, so that it is atomic. It uses the server's time, so that the clocks
// of several machines may differ. All keys of one script have one hash tag, as a cluster requires,
// and every key expires.

const script = (keys: number, lua: string) =>
  defineScript({
    NUMBER_OF_KEYS: keys,
    SCRIPT: lua,
    parseCommand: (
      parser: CommandParser,
      keys: ReadonlyArray<string>,
      values: ReadonlyArray<string | number>,
    ) => {
      for (const key of keys) parser.pushKey(key);
      for (const value of values) parser.push(String(value));
    },
    transformReply: (reply: unknown) => reply,
  });

/**
 * Takes a request out of a bucket, as `take` in `domain/token-bucket.ts` does. Takes the count and
 * the window in milliseconds. Answers whether the request is allowed (1 or 0), how many are left,
 * and the milliseconds until the next one and until all are there again.
 */
export const takeRequest = script(
  1,
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local count, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local share = window / count
local bucket = redis.call('HMGET', KEYS[1], 'used', 'at')
local used, at = tonumber(bucket[1] or 0), tonumber(bucket[2] or now)
if at > now then
  -- The clock was set back. Nobody waits until it is where it was.
  at = now
  redis.call('HSET', KEYS[1], 'at', string.format('%.17g', at))
end
used = math.max(0, used - (now - at) / share)
if used + 1 > count + 1e-6 then
  return {0, 0, math.ceil((used + 1 - count) * share), math.ceil(used * share)}
end
used = used + 1
redis.call('HSET', KEYS[1], 'used', string.format('%.17g', used), 'at', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(used * share))
return {1, math.floor(count - used + 1e-6), 0, math.ceil(used * share)}
`,
);

/**
 * Counts uploads that are granted together, unless they are a retry, find no place or go over the
 * quota, as `adapters/limits/memory.ts` does. Takes their size and number, the quotas (bytes and
 * objects of the organization, and bytes of the caller, each empty if there is none), with an
 * idempotency key a hash of the request (else empty), its memory and for how many milliseconds it
 * is remembered, and of an upload in parts its key (else empty), how many may be open and for how
 * many milliseconds it is. Answers the outcome and a value that belongs to it.
 */
export const takeUpload = script(
  4,
  `
local size, count = ARGV[1], ARGV[2]
local quotas = {
  {over = 'exceeded', key = KEYS[1], bytes = tonumber(ARGV[3]), objects = tonumber(ARGV[4])},
  {over = 'caller exceeded', key = KEYS[4], bytes = tonumber(ARGV[5])},
}
local request, memory, milliseconds = ARGV[6], ARGV[7], ARGV[8]
local upload, most, open = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
if request ~= '' then
  local first = redis.call('HMGET', KEYS[2], 'request', 'memory')
  if first[1] then
    if first[1] == request then return {'retry', first[2]} end
    return {'conflict', ''}
  end
end
local time = redis.call('TIME')
local now = tonumber(time[1])
local milli = now * 1000 + math.floor(time[2] / 1000)
if upload ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', milli)
  if redis.call('ZCARD', KEYS[3]) >= most then
    local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
    return {'full', tostring(first[2] - milli)}
  end
end
for _, quota in ipairs(quotas) do
  local key, bytes, objects = quota.key, quota.bytes, quota.objects
  if bytes or objects then
    local day = math.floor(now / 86400)
    local counted = tonumber(redis.call('HGET', key, 'day') or -1)
    if counted < day then redis.call('DEL', key) else day = counted end
    local left = (day + 1) * 86400 - now
    local usage = redis.call('HMGET', key, 'bytes', 'objects')
    if bytes and (usage[1] or 0) + size > bytes or objects and (usage[2] or 0) + count > objects then
      return {quota.over, tostring(left)}
    end
    quota.day, quota.left = day, left
  end
end
for _, quota in ipairs(quotas) do
  if quota.day then
    redis.call('HSET', quota.key, 'day', quota.day)
    redis.call('HINCRBY', quota.key, 'bytes', size)
    redis.call('HINCRBY', quota.key, 'objects', count)
    redis.call('EXPIRE', quota.key, quota.left)
  end
end
if request ~= '' then
  redis.call('HSET', KEYS[2], 'request', request, 'memory', memory)
  redis.call('PEXPIRE', KEYS[2], milliseconds)
end
if upload ~= '' then
  redis.call('ZADD', KEYS[3], string.format('%.17g', milli + open), upload)
  if redis.call('PTTL', KEYS[3]) < open then redis.call('PEXPIRE', KEYS[3], open) end
end
return {'granted', ''}
`,
);

/** Replaces what retries get, if it is still the first value; answers what they get then. */
export const replaceMemory = script(
  1,
  `
local memory = redis.call('HGET', KEYS[1], 'memory')
if memory == ARGV[1] then
  memory = ARGV[2]
  redis.call('HSET', KEYS[1], 'memory', memory)
end
return memory
`,
);

/**
 * Takes back what `takeUpload` counted, unless the memory of its idempotency key was replaced.
 * Takes its size and number, the memory (empty without an idempotency key), and of an upload in
 * parts its key (else empty).
 */
export const takeBackUpload = script(
  4,
  `
local less = {bytes = ARGV[1], objects = ARGV[2]}
local memory, upload = ARGV[3], ARGV[4]
if memory ~= '' then
  if redis.call('HGET', KEYS[2], 'memory') ~= memory then return 0 end
  redis.call('DEL', KEYS[2])
end
if upload ~= '' then redis.call('ZREM', KEYS[3], upload) end
for _, key in ipairs({KEYS[1], KEYS[4]}) do
  if redis.call('EXISTS', key) == 1 then
    for field, value in pairs(less) do
      if redis.call('HINCRBY', key, field, 0 - value) < 0 then redis.call('HSET', key, field, 0) end
    end
  end
end
return 1
`,
);
