import type { DailyQuota } from "../../../domain/limits.ts";
import { DAY } from "../../../domain/daily-quota.ts";
import { LONGEST } from "../expiring.ts";
import { script } from "../../redis/script.ts";

// Each decision is one script, so that it is atomic. It uses the server's time, so that the clocks
// of several machines may differ. All keys of one script have one hash tag, as a cluster requires,
// and every key expires.

/** Takes a request out of a bucket, as `take` in `domain/token-bucket.ts` does. */
export const takeRequest = script<
  { count: number; milliseconds: number },
  readonly [isAllowed: 0 | 1, remaining: number, retryAfter: number, resetAfter: number]
>(
  1,
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local count = given.count
local share = given.milliseconds / count
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

type Outcome = "granted" | "full" | "exceeded" | "caller exceeded";

/** Counts uploads as `adapters/limits/memory.ts` does; `value` belongs to the outcome. */
export const takeUpload = script<
  {
    size: number;
    count: number;
    quota: DailyQuota;
    multipart?: { key: string; most: number; milliseconds: number } | undefined;
  },
  readonly [outcome: Outcome, value: string]
>(
  3,
  `
local size, count, multipart = given.size, given.count, given.multipart
local quotas = {
  {over = 'exceeded', key = KEYS[1], bytes = given.quota.bytes, objects = given.quota.objects},
  {over = 'caller exceeded', key = KEYS[3], bytes = given.quota.bytesPerSubject},
}
local time = redis.call('TIME')
local now = tonumber(time[1])
local milli = now * 1000 + math.floor(time[2] / 1000)
-- Sorted sets of what ends at a time.
local function wait_for(key, places, most)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', milli)
  -- Of a clock that was set back.
  redis.call('ZREMRANGEBYSCORE', key, milli + ${LONGEST}, '+inf')
  if redis.call('ZCARD', key) + places <= most then return nil end
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return tostring((first[2] or milli) - milli)
end
local function keep(key, member, milliseconds)
  redis.call('ZADD', key, string.format('%.17g', milli + milliseconds), member)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
end
local wait = multipart and wait_for(KEYS[2], 1, multipart.most)
if wait then return {'full', wait} end
for _, quota in ipairs(quotas) do
  local key, bytes, objects = quota.key, quota.bytes, quota.objects
  if bytes or objects then
    local day = math.floor(now / 86400)
    local counted = tonumber(redis.call('HGET', key, 'day') or -1)
    if counted < day or counted > day + ${LONGEST / DAY} then redis.call('DEL', key) else day = counted end
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
if multipart then keep(KEYS[2], multipart.key, multipart.milliseconds) end
return {'granted', ''}
`,
);

/** Takes back what `takeUpload` counted. */
export const takeBackUpload = script<
  { size: number; count: number; upload?: string | undefined },
  unknown
>(
  3,
  `
local less = {bytes = given.size, objects = given.count}
if given.upload then redis.call('ZREM', KEYS[2], given.upload) end
for _, key in ipairs({KEYS[1], KEYS[3]}) do
  if redis.call('EXISTS', key) == 1 then
    for field, value in pairs(less) do
      if redis.call('HINCRBY', key, field, 0 - value) < 0 then redis.call('HSET', key, field, 0) end
    end
  end
end
return 1
`,
);
