import { expect } from "vitest";
import { need } from "../support/need.ts";
import type { Redis } from "../support/redis.ts";
import { type RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

export const path = (await need("redis")) ?? "";

/** Far more than the tests send, so that all that is counted is let through. */
export const PLENTY = "1000000 per day";

export const stopping: Array<() => Promise<unknown>> = [];

export async function startUncounted(
  redis: Pick<Redis, "env">,
  env: Readonly<Record<string, string>>,
  runtime?: keyof typeof RUNTIMES,
): Promise<ServiceProcess> {
  const service = await startProcess(envOf(redis, env), runtime);
  stopping.push(service.stop);
  return service;
}

export async function start(
  redis: Pick<Redis, "env">,
  env: Readonly<Record<string, string>>,
  runtime?: keyof typeof RUNTIMES,
): Promise<ServiceProcess> {
  const service = await startUncounted(redis, env, runtime);
  await counted(service);
  return service;
}

const envOf = ({ env }: Pick<Redis, "env">, more: Readonly<Record<string, string>>) => ({
  AUTH: "dev",
  ...env,
  ...more,
});

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly code?: string; readonly key?: string };
}

export async function presign(
  service: ServiceProcess,
  over: {
    readonly organization?: string;
    readonly token?: string;
  } = {},
): Promise<Answer> {
  const { organization = "acme", token = service.token } = over;
  const answer = await fetch(`${service.address}/api/v1/orgs/${organization}/files/presign`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 }),
    // Only to tell a request that hangs from one that takes its time.
    signal: AbortSignal.timeout(120_000),
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Answer["body"],
  };
}

/** Waits until Redis counts for a service that refuses what it cannot count. */
export const counted = (service: ServiceProcess): Promise<true> =>
  until("a counted upload", async () => {
    const organization = crypto.randomUUID();
    const { status } = await presign(service, { organization, token: service.serviceToken });
    return status === 200;
  });

/** Asks again where Redis answered too late, as it may on a busy machine, and gives all answers. */
export async function askAgain(...[service, over]: Parameters<typeof presign>) {
  const answers: Array<Answer> = [];
  await until("a decision", async () => {
    const answer = await presign(service, over);
    answers.push(answer);
    return answer.status === 503 ? undefined : answer;
  });
  return answers;
}

export async function decided(...asked: Parameters<typeof presign>): Promise<Answer> {
  const answer = (await askAgain(...asked)).at(-1);
  return answer ?? expect.unreachable();
}

/** Sends `total` requests, as many at once as there are clients, and gives all answers. */
export async function sendAll(
  { total, clients }: { readonly total: number; readonly clients: number },
  send: (index: number) => Promise<Answer | ReadonlyArray<Answer>>,
): Promise<ReadonlyArray<Answer>> {
  const answers: Array<Answer | ReadonlyArray<Answer>> = [];
  let sent = 0;
  const client = async () => {
    while (sent < total) answers.push(await send(sent++));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers.flat();
}

/** How many answers have each status and code. */
export function tally(answers: ReadonlyArray<Answer>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = body.code === undefined ? String(status) : `${status} ${body.code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Whether `most` were granted; one that Redis answered too late is refused, and counted or not. */
export function expectGranted(answers: ReadonlyArray<Answer>, most: number, refusal: string): void {
  const {
    200: granted = 0,
    "503 LIMITS_UNAVAILABLE": late = 0,
    [refusal]: refused = 0,
    ...others
  } = tally(answers);
  expect(others).toEqual({});
  expect(granted).toBeLessThanOrEqual(most);
  expect(granted + late).toBeGreaterThanOrEqual(most);
  expect(refused).toBeGreaterThan(0);
}
