import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { once } from "node:events";
import { rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { errorReason } from "../values/thrown.ts";

export const settings = {
  socket: optional({
    variable: "CONTROL_SOCKET",
    meaning: "The Unix socket over which `valetkey reload` reaches the [service](reload.md).",
    codec: Schema.NonEmptyString,
    shape: "a path of at most 100 characters, in a folder that the service may write to",
    example: "/run/valetkey/control.sock",
  }),
};

export const read = (source: Source) => readSettings(settings, source);

/** The outcome of a reload: the variables that it changed, or why it was refused. */
export interface Outcome {
  readonly changed: ReadonlyArray<string>;
  readonly refused?: string;
}

/** Reloads whenever somebody connects, until the scope closes; whoever may write to the socket can. */
export const listenForReloads = Effect.fnUntraced(function* (
  path: string,
  reload: (tell: (outcome: Outcome) => void) => void,
) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    reload((outcome) => socket.end(JSON.stringify(outcome)));
  });
  const listen = Effect.tryPromise(() => {
    // A service that crashed has left its own.
    if (statSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
    return once(server.listen(path), "listening");
  }).pipe(
    Effect.catch(({ cause }) =>
      Effect.logWarning("CONTROL_SOCKET cannot be used", { reason: errorReason(cause) }),
    ),
  );
  yield* Effect.acquireRelease(listen, () => Effect.sync(() => server.close()));
});
