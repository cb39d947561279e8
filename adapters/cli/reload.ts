import * as Schema from "effect/Schema";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { errorReason } from "../values/thrown.ts";
import { command, option } from "./command/command.ts";
import type { Outcome } from "../service/control-socket.ts";
import { CommandFailure, EXIT } from "../service/failure.ts";

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
