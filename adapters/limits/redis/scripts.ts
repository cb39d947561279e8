import type { DailyQuota } from "../../../domain/limits.ts";
import { DAY } from "../../../domain/daily-quota.ts";
import { LONGEST } from "../expiring.ts";
import { script } from "../../redis/script.ts";

// Each decision is one atomic script. It uses the server's time, since the clocks of machines
// differ. All keys of a script have one hash tag, as a cluster requires, and every key expires.

/** Takes a request out of a bucket, as `take` in `domain/token-bucket.ts` does. */
export const takeRequest = script<
  { count: number; milliseconds: number },
  readonly [isAllowed: 0 | 1, remaining: number, retryAfter: number, resetAfter: number]
>(
  1,
  `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local count = input.count
local share = input.milliseconds / count
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

type Outcome = "granted" | "exceeded" | "caller exceeded";

/** Counts uploads as `adapters/limits/memory.ts` does. */
export const takeUpload = script<
  { size: number; count: number; quota: DailyQuota },
  readonly [outcome: Outcome, retryAfter: number]
>(
  2,
  `
local size, count = input.size, input.count
local quotas = {
  {over = 'exceeded', key = KEYS[1], bytes = input.quota.bytes, objects = input.quota.objects},
  {over = 'caller exceeded', key = KEYS[2], bytes = input.quota.bytesPerSubject},
}
local now = tonumber(redis.call('TIME')[1])
for _, quota in ipairs(quotas) do
  local key, bytes, objects = quota.key, quota.bytes, quota.objects
  if bytes or objects then
    local day = math.floor(now / 86400)
    local counted = tonumber(redis.call('HGET', key, 'day') or -1)
    if counted < day or counted > day + ${LONGEST / DAY} then redis.call('DEL', key) else day = counted end
    local left = (day + 1) * 86400 - now
    local usage = redis.call('HMGET', key, 'bytes', 'objects')
    if bytes and (usage[1] or 0) + size > bytes or objects and (usage[2] or 0) + count > objects then
      return {quota.over, left}
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
return {'granted', 0}
`,
);

/** Takes back what `takeUpload` counted; `hasCallerQuota` if it counted for the caller too. */
export const takeBackUpload = script<
  { size: number; count: number; hasCallerQuota: boolean },
  unknown
>(
  2,
  `
local less = {bytes = input.size, objects = input.count}
for index, key in ipairs(KEYS) do
  if (index == 1 or input.hasCallerQuota) and redis.call('EXISTS', key) == 1 then
    for field, value in pairs(less) do
      if redis.call('HINCRBY', key, field, 0 - value) < 0 then redis.call('HSET', key, field, 0) end
    end
  end
end
return 1
`,
);
