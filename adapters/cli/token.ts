import * as Result from "effect/Result";
import { existsSync } from "node:fs";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { decoder } from "../json/decode.ts";
import { codeOf, readJsonFile } from "../json/parse.ts";
import * as identity from "../identity/settings.ts";
import { decodeTokens, newToken, StoredToken } from "../identity/token-file.ts";

/** `EX_USAGE`, `EX_CANTCREAT` of sysexits.h. */
const USAGE_ERROR = 64;
const CANNOT_CREATE = 73;

const USAGE = `valetkey token create --org SLUG … [options]

  --org SLUG        an organization that the token is for; may be repeated
  --kind KIND       user or service; service if left out
  --scope SCOPE     write, read or confirm; may be repeated; all of them if left out
  --subject NAME    what logs and receipts call its holder; the token's id if left out
  --file PATH       where hashes of tokens are kept; $AUTH_TOKENS_FILE if left out
`;

const decode = decoder(StoredToken);

/** The options by what they become. */
const OPTIONS = new Map([
  ["organizations", "--org"],
  ["kind", "--kind"],
  ["scopes", "--scope"],
  ["subject", "--subject"],
]);

/**
 * Makes a token, adds its hash to the file and prints it, once. Sets the process's exit code to
 * 64 for arguments that are not right, and to 73 where the file cannot be written.
 */
export async function token(args: ReadonlyArray<string>): Promise<void> {
  const options = optionsOf(args);
  if (typeof options === "string") return fail(USAGE_ERROR, `${options}\n\n${USAGE}`);
  const { id, token, sha256 } = newToken();
  const stored = decode({ id, sha256, ...options.token, subject: options.token.subject ?? id });
  if (Result.isFailure(stored)) {
    const wrong = stored.failure.map(({ pointer }) => OPTIONS.get(pointer.split("/")[1] ?? ""));
    return fail(USAGE_ERROR, `The value of ${wrong.join(" and ")} is not right.\n\n${USAGE}`);
  }
  const problem = await addTo(options.file, stored.success);
  if (problem !== undefined) return fail(CANNOT_CREATE, `${problem}\n`);
  process.stderr.write(
    `The token ${id} was added to ${options.file}. It is shown this once; take its entry out of the file to take it back.\n`,
  );
  process.stdout.write(`${token}\n`);
}

function fail(code: number, message: string): void {
  process.stderr.write(message);
  process.exitCode = code;
}

/** The options, or what is wrong with them. */
function optionsOf(args: ReadonlyArray<string>) {
  const [command, ...rest] = args;
  if (command !== "create") return "There is one command for tokens: create.";
  try {
    const { values } = parseArgs({
      args: rest,
      options: {
        org: { type: "string", multiple: true },
        kind: { type: "string", default: "service" },
        scope: { type: "string", multiple: true, default: ["write", "read", "confirm"] },
        subject: { type: "string" },
        file: { type: "string", default: process.env[identity.tokensFile.name] ?? "" },
      },
    });
    const { org: organizations, kind, scope: scopes, subject, file } = values;
    if (organizations === undefined) return "--org is missing.";
    if (file === "") return "--file is missing, and AUTH_TOKENS_FILE is not set.";
    return { file, token: { organizations, kind, scopes, subject } };
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Adds an entry to the file, whole or not at all; gives what went wrong. */
async function addTo(path: string, entry: StoredToken): Promise<string | undefined> {
  const problem = (what: string) => `The file ${path} ${what}.`;
  try {
    // Behind a link, or it would be replaced by a file of its own.
    const target = existsSync(path) ? await realpath(path) : path;
    const next = `${target}.new`;
    // Of two commands at once one makes this file, and the other says that it is there.
    const file = await open(next, "wx", 0o600).catch((cause: unknown) => {
      if (codeOf(cause) === "EEXIST") return undefined;
      throw cause;
    });
    if (file === undefined) {
      return `The file ${next} is there: another token is being made, or was not to its end; remove it in that case.`;
    }
    try {
      const before = existsSync(target)
        ? Result.flatMap(readJsonFile(target), decodeTokens)
        : Result.succeed([]);
      if (Result.isFailure(before)) throw new Error(before.failure);
      if (existsSync(target)) {
        const { mode, uid, gid } = await stat(target);
        await file.chown(uid, gid);
        await file.chmod(mode);
      }
      await file.writeFile(`${JSON.stringify({ tokens: [...before.success, entry] }, null, 2)}\n`);
      await file.sync();
      await rename(next, target);
    } catch (cause) {
      await rm(next);
      throw cause;
    } finally {
      await file.close();
    }
    return undefined;
  } catch (cause) {
    const code = codeOf(cause);
    return problem(
      cause instanceof Error && !("code" in cause) ? cause.message : `cannot be written (${code})`,
    );
  }
}
