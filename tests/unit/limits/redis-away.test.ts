import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { layer } from "../../../adapters/limits/layer.ts";
import { connectLimiter } from "../../../adapters/limits/redis/layer.ts";
import { layer as telemetry } from "../../../adapters/telemetry/log.ts";
import { Limiter } from "../../../application/ports/limiter.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { OrganizationId } from "../../../domain/organization.ts";

const organization = OrganizationId.make("acme");

const tagOf = (counted: Effect.Effect<unknown, { readonly _tag: string }>) =>
  Effect.match(counted, { onSuccess: () => "counted", onFailure: ({ _tag }) => _tag });

/** The port of a Redis that takes connections, and answers nothing but these commands. */
async function hanging(answered: RegExp): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.on("data", (sent) =>
      socket.write("+OK\r\n".repeat(String(sent).match(answered)?.length ?? 0)),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

it.each<[how: string, start: () => Promise<number>]>([
  ["away", () => Promise.resolve(2)],
  ["hanging while it is connected to", () => hanging(/$^/g)],
  ["hanging once it is connected to", () => hanging(/\b(?:HELLO|CLIENT)\b/g)],
])(
  "while Redis is %s, each process counts, and takes back what it has counted",
  async (_, start) => {
    const caller = { kind: "user", subject: "mia" } as const;
    const limits = {
      requests: { subject: { count: 1, window: Duration.days(1) } },
      daily: { objects: 1 },
    };
    const program = Limiter.use(
      Effect.fnUntraced(function* (limiter) {
        const request = tagOf(limiter.countRequest("subject", "mia"));
        expect([yield* request, yield* request]).toEqual(["counted", "RateLimited"]);

        const upload = { organization, caller, size: ByteSize.make(5) };
        const start = tagOf(limiter.countUpload(upload));
        expect([yield* start, yield* start]).toEqual(["counted", "QuotaExceeded"]);
        yield* limiter.uncountUpload(upload);
        expect([yield* start, yield* start]).toEqual(["counted", "QuotaExceeded"]);
      }),
    );
    const urls = Redacted.make([`redis://127.0.0.1:${await start()}`] as const);
    const redis = { urls, isCluster: false, sentinels: undefined, ca: undefined };
    await Effect.runPromise(
      program.pipe(
        Effect.provide(
          layer({ limits, refusesOnFailure: false }, (options) => connectLimiter(redis, options)),
        ),
        Effect.provide(telemetry({ level: "none", format: "json" })),
      ),
    );
  },
  20_000,
);
