import { describe, expect, it } from "vitest";
import { isFullRun } from "../support/full-run.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { type Command, RUNTIMES, startProcess, untilReady } from "../support/service-process.ts";
import { SERVED, threeLines } from "../support/three-lines.ts";

// The entry points with a real store behind them; those of Deno are in deno-permissions.test.ts.

const minio = await need("minio");
/** The entry point on an older Node, if there is one. */
const on = (node: string | undefined) =>
  node === undefined ? undefined : () => [node, "deploy/node.ts"];

const STORES = ["minio", "aws"] as const;

const runtimes: ReadonlyArray<{
  readonly name: string;
  readonly command: Command | undefined;
}> = [
  { name: "Node 22", command: on(await need("node22")) },
  ...(isFullRun
    ? [
        { name: "Node 24", command: on(await need("node24")) },
        { name: "the Node of the tests", command: RUNTIMES.node },
      ]
    : []),
  { name: "Bun 1", command: RUNTIMES.bun },
];

describe.each(runtimes)("on $name", ({ command }) => {
  it.skipIf(minio === undefined || command === undefined).each(STORES)(
    "a client uploads to %s, and the store refuses a byte more",
    async (store) => {
      const service = await startProcess(
        {
          ...minioEnv(minio),
          STORAGE_ADAPTER: store,
        },
        command,
      );
      // Makes the bucket.
      await untilReady(service);
      expect(await threeLines(service.address, service.token)).toEqual(SERVED);
      // With a condition that `fetch` adds headers of its own to.
      const strict = { strict: true };
      expect(await threeLines(service.address, service.token, strict)).toEqual(SERVED);
      expect(await service.stop()).toBe(0);
    },
  );
});
