import { codeOf, messageOf } from "../settings/thrown.ts";
import { TokenFailure, USAGE_ERROR } from "./token-arguments.ts";
import { createToken } from "./token-create.ts";
import { listTokens } from "./token-list.ts";
import { revokeToken } from "./token-revoke.ts";

const USAGE = `valetkey token create --org SLUG … [options]
valetkey token list [--file PATH]
valetkey token revoke ID [--file PATH]

  --org SLUG        an organization that the token is for; may be repeated
  --kind KIND       user or service; service if left out
  --scope SCOPE     write, read or confirm; may be repeated; all of them if left out
  --subject NAME    what logs and receipts call its holder; the token's id if left out
  --expires WHEN    how long the token is good, such as 90d or 12h, or a date such as 2027-01-31;
                    for ever if left out
  --file PATH       where hashes of tokens are kept; $AUTH_TOKENS_FILE if left out
`;

const COMMANDS = new Map([
  ["create", createToken],
  ["list", listTokens],
  ["revoke", revokeToken],
]);

/**
 * Makes, lists and revokes the tokens of `AUTH=static`. Sets the process's exit code to 64 for
 * arguments that are not right, to 66 where the file cannot be read, and to 73 where it cannot be
 * written.
 */
export async function token([command = "", ...args]: ReadonlyArray<string>): Promise<void> {
  try {
    const run = COMMANDS.get(command);
    if (run === undefined) {
      throw new TokenFailure(USAGE_ERROR, "The commands for tokens are create, list and revoke.");
    }
    const { result, message } = await run(args);
    if (message !== undefined) process.stderr.write(`${message}\n`);
    process.stdout.write(result);
  } catch (cause) {
    const { code, message } = failureOf(cause);
    process.stderr.write(code === USAGE_ERROR ? `${message}\n\n${USAGE}` : `${message}\n`);
    process.exitCode = code;
  }
}

/** The failure of a command; of its arguments also as Node reports it. */
function failureOf(cause: unknown): TokenFailure {
  if (cause instanceof TokenFailure) return cause;
  if (String(codeOf(cause)).startsWith("ERR_PARSE_ARGS")) {
    return new TokenFailure(USAGE_ERROR, messageOf(cause));
  }
  throw cause;
}
