import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { once } from "node:events";
import { rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { errorReason } from "../thrown.ts";
import { command, CommandFailure, EXIT, option } from "./command.ts";

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

/** In milliseconds: of a reload that waits for a worker which hangs, behind another that does. */
const TIMEOUT = 60_000;

export const reload = command({
  name: "reload",
  summary: "Let the running service read its configuration anew, and tell whether it did",
  options: {
    socket: option("PATH", Schema.NonEmptyString, "the CONTROL_SOCKET of the service", {
      isRequired: true,
      variable: "CONTROL_SOCKET",
    }),
  },
  run: async ({ socket: path }) => {
    const socket = connect(path);
    await once(socket, "connect").catch((cause: unknown) => {
      const message = `No service is running: ${path} cannot be connected to (${errorReason(cause)}).`;
      throw new CommandFailure({ code: EXIT.unavailable, message });
    });
    socket.setTimeout(TIMEOUT, () => socket.destroy());
    const answer = await text(socket).catch(() => "");
    if (answer === "") {
      const message = `The service did not reload its configuration within ${TIMEOUT / 1000} seconds; see its log.`;
      throw new CommandFailure({ code: EXIT.couldNotRun, message });
    }
    const { changed, refused }: Outcome = JSON.parse(answer);
    if (refused !== undefined) {
      const message = `The configuration was not reloaded, and stays as it was: ${refused}.`;
      throw new CommandFailure({ code: EXIT.failure, message });
    }
    const names = changed.length === 0 ? "nothing changed" : `changed: ${changed.join(", ")}`;
    return { message: `The configuration was reloaded; ${names}.` };
  },
});
