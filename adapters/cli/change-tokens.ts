import * as Result from "effect/Result";
import { existsSync } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { decodeTokens, type StoredToken } from "../identity/token-file.ts";
import { readJsonFile } from "../settings/json-file.ts";
import { CANNOT_CREATE, TokenFailure } from "./token-arguments.ts";
import { codeOf } from "../settings/thrown.ts";

const failure = (problem: string) => new TokenFailure(CANNOT_CREATE, problem);

type Tokens = ReadonlyArray<StoredToken>;

/**
 * Replaces what is in the file, whole or not at all; rejects with a `TokenFailure` where that
 * cannot be done, and with what `change` throws.
 */
export async function changeTokens(
  path: string,
  change: (tokens: Tokens) => Tokens,
): Promise<void> {
  try {
    // Behind a link, or it would be replaced by a file of its own.
    const target = existsSync(path) ? await realpath(path) : path;
    const next = `${target}.new`;
    // Of two commands at once one makes this file, and the other says that it is there.
    const file = await open(next, "wx", 0o600).catch((cause: unknown) => {
      if (codeOf(cause) !== "EEXIST") throw cause;
      throw failure(
        `The file ${next} is there: another command is changing ${path}, or was not to its end; remove it in that case.`,
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
    if (cause instanceof TokenFailure) throw cause;
    throw failure(`The file ${path} cannot be written (${codeOf(cause) ?? cause}).`);
  }
}
