import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { commandPath } from "../support/command-path.ts";
import { startProcess } from "../support/service-process.ts";
import { endure } from "./endure.ts";

it("a service that may open few files survives many connections", async () => {
  const service = await startProcess({}, async () => [
    "/bin/sh",
    "-c",
    'ulimit -n 64; exec "$@"',
    "sh",
    commandPath("node"),
    await bundled("node"),
  ]);
  const sockets: Array<Socket> = [];
  const port = Number(new URL(service.address).port);
  const open = () => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    sockets.push(socket);
    return Promise.race([once(socket, "connect"), once(socket, "close")]);
  };
  await endure(() => service, {
    name: "no more files can be opened",
    begin: () => Promise.all(Array.from({ length: 500 }, open)),
    end: () => sockets.forEach((socket) => socket.destroy()),
    // Those that find no connection have no answer.
    allowed: {
      presign: ["200", "none"],
      put: ["200", "none", "503 SlowDown"],
      confirm: ["200", "none", "503 STORE_UNAVAILABLE"],
      start: ["200", "none", "503 STORE_UNAVAILABLE"],
      sign: ["200", "none"],
      part: ["200", "none", "503 SlowDown"],
      complete: ["200", "none", "503 STORE_UNAVAILABLE"],
    },
    answers: { presign: 50, put: 20, start: 5 },
    shows: ["put 503 SlowDown"],
  });
  expect(await service.stop()).toBe(0);
});
