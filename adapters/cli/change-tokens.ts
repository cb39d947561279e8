import * as Result from "effect/Result";
import { existsSync } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { decodeTokens, type StoredToken } from "../identity/token-file.ts";
import { readJsonFile } from "../settings/json-file.ts";
import { codeOf } from "../settings/thrown.ts";
import { CommandFailure, EXIT } from "./command.ts";

type Tokens = ReadonlyArray<StoredToken>;

const failure = (message: string) => new CommandFailure({ code: EXIT.cannotCreate, message });

/**
 * Replaces the tokens in the file, all of them or none. Rejects with a `CommandFailure` if the file
 * cannot be changed, and with what `change` throws.
 */
export async function changeTokens(
  path: string,
  change: (tokens: Tokens) => Tokens,
): Promise<void> {
  try {
    // A symbolic link stays a link, and its target is replaced.
    const target = existsSync(path) ? await realpath(path) : path;
    const next = `${target}.new`;
    // Of two commands at once, one makes this file and the other fails.
    const file = await open(next, "wx", 0o600).catch((cause: unknown) => {
      if (codeOf(cause) !== "EEXIST") throw cause;
      throw failure(
        `The file ${path} was not changed: another command is changing it. If none is, one was interrupted: remove ${next} and try again.`,
      );
    });
    try {
      const before = existsSync(target)
        ? Result.flatMap(readJsonFile(target), decodeTokens)
        : Result.succeed([]);
      if (Result.isFailure(before)) throw failure(`The file ${path} ${before.failure}.`);
      const tokens = change(before.success);
      if (existsSync(target)) {
        const { mode, uid, gid } = await stat(target);
        await file.chown(uid, gid);
        await file.chmod(mode);
      }
      await file.writeFile(`${JSON.stringify({ tokens }, null, 2)}\n`);
      await file.sync();
      await rename(next, target);
    } catch (cause) {
      await rm(next);
      throw cause;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    throw failure(`The file ${path} cannot be written (${codeOf(cause) ?? cause}).`);
  }
}
