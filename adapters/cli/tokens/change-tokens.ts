import * as Result from "effect/Result";
import { existsSync } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { decodeTokens, type StoredToken } from "../../identity/token-file.ts";
import { readJsonFile } from "../../settings/json-file.ts";
import { errorCode } from "../../values/thrown.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";

/** Replaces the tokens in the file, all or none. Also rejects with what `change` throws. */
export async function changeTokens(
  path: string,
  change: (tokens: ReadonlyArray<StoredToken>) => ReadonlyArray<StoredToken>,
): Promise<void> {
  const fail = (problem: string): never => {
    throw new CommandFailure({ code: EXIT.cannotCreate, message: `The file ${path} ${problem}.` });
  };
  try {
    // A symbolic link stays, and its target is replaced.
    const target = existsSync(path) ? await realpath(path) : path;
    const next = `${target}.new`;
    // Only one of two commands can make this file at a time.
    const file = await open(next, "wx", 0o600).catch((cause: unknown) => {
      if (errorCode(cause) !== "EEXIST") throw cause;
      return fail(
        `was not changed: another command is changing it. If none is, one was interrupted: remove ${next} and try again`,
      );
    });
    try {
      const isNew = !existsSync(target);
      const read = Result.flatMap(readJsonFile(target), decodeTokens);
      const tokens = change(isNew ? [] : Result.getOrElse(read, fail));
      if (!isNew) {
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
    fail(`cannot be written (${errorCode(cause) ?? cause})`);
  }
}
