import { describe, expect, it } from "vitest";
import { startRedisCluster } from "../support/redis.ts";
import { until } from "../support/until.ts";
import {
  path,
  PLENTY,
  presign,
  promisesOver,
  sendAll,
  startUncounted,
  UNCOUNTED,
} from "./over-redis.ts";

describe.skipIf(path === "")("over a cluster of three nodes", () => {
  const redis = promisesOver(startRedisCluster);

  it("a cluster that was not configured as one is named in the log", async () => {
    const [url = ""] = redis().urls;
    const limits = { LIMIT_REQUESTS_PER_ORGANIZATION: PLENTY };
    // Again where what it had to say first, and only says once, was that a node was too slow.
    await until("the hint", async () => {
      const service = await startUncounted({ env: { REDIS_URL: url } }, limits);
      // Names of which at least one is not this node's to count.
      await sendAll({ total: 40, clients: 4 }, (index) =>
        presign(service, { organization: `org-${index}` }),
      );
      await service.stop();
      expect(service.output().match(UNCOUNTED)?.length).toBeOneOf([1, 2]);
      return /Redis cannot be used.*MOVED.*set REDIS_CLUSTER=on/.test(service.output())
        ? true
        : undefined;
    });
  });
});
