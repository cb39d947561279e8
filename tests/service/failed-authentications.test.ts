import { expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { startProcess } from "../support/service-process.ts";
import { PRESIGN, presignInit } from "../http/service.ts";

const ALICE = "203.0.113.1";
const BOB = "203.0.113.2";

it("a service limits failures of the address that a trusted proxy tells, and audits that address", async () => {
  const service = await startProcess({
    TRUSTED_PROXIES: "127.0.0.0/8",
    LIMIT_FAILED_AUTHENTICATIONS: "3 per day",
    AUDIT: "stdout",
    LOG_FORMAT: "json",
  });
  const ask = async (token: string, from?: string) => {
    const init = presignInit(undefined, {
      Authorization: `Bearer ${token}`,
      ...(from === undefined ? {} : { "X-Forwarded-For": `198.51.100.7, ${from}` }),
    });
    return (await fetch(`${service.address}${PRESIGN}`, init)).status;
  };
  for (const status of [401, 401, 401, 429]) expect(await ask("wrong", ALICE)).toBe(status);
  expect(await ask("wrong", BOB)).toBe(401);
  expect(await ask("wrong")).toBe(401);
  expect(await ask(service.token, ALICE)).toBe(200);
  await service.stop();
  const lines = service.output().trim().split("\n");
  const audited = lines
    .map((line) => JSON.parse(line) as { audit?: string; address: string; code?: string })
    .filter(({ audit }) => audit !== undefined);
  expect(audited.map(({ address }) => address)).toEqual([
    ...Array.from({ length: 4 }, () => ALICE),
    BOB,
    "127.0.0.1",
    ALICE,
  ]);
  expect(audited[3]?.code).toBe("RATE_LIMITED");
});

it("a service says once that requests come through a proxy that is not named, and not where it is", async () => {
  for (const [env, count] of [
    [{}, 1],
    [{ TRUSTED_PROXIES: "127.0.0.0/8" }, 0],
  ] as const) {
    const service = await startProcess(env);
    for (const from of [ALICE, BOB]) {
      await fetch(`${service.address}/readyz`, { headers: { "X-Forwarded-For": from } });
    }
    await service.stop();
    expect(service.output().split("not in TRUSTED_PROXIES")).toHaveLength(1 + count);
  }
});

it("a service limits failures by default, and does not if that is off", async () => {
  const service = await startProcess();
  atTestEnd(service.stop);
  const unlimited = await startProcess({ LIMIT_FAILED_AUTHENTICATIONS: "off" });
  atTestEnd(unlimited.stop);
  const statusesOf = async ({ address }: typeof service) => {
    const init = presignInit(undefined, { Authorization: "Bearer wrong" });
    const answers = Array.from({ length: 300 }, () => fetch(`${address}${PRESIGN}`, init));
    return new Set((await Promise.all(answers)).map(({ status }) => status));
  };
  expect(await statusesOf(service)).toEqual(new Set([401, 429]));
  expect(await statusesOf(unlimited)).toEqual(new Set([401]));
});
