import { parseArgs } from "node:util";
import { idOf } from "../identity/token-file.ts";
import { changeTokens } from "./change-tokens.ts";
import { FILE, fileOf, TokenFailure, USAGE_ERROR, type TokenOutcome } from "./token-arguments.ts";

/** Takes a token out of the file, by its id, or by itself where that is what was found. */
export async function revokeToken(args: ReadonlyArray<string>): Promise<TokenOutcome> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: FILE,
    allowPositionals: true,
  });
  const [given, ...others] = positionals;
  if (given === undefined || others.length > 0) {
    throw new TokenFailure(USAGE_ERROR, "Name one token by its id.");
  }
  const id = idOf(given) ?? given;
  const file = fileOf(values.file);
  await changeTokens(file, (tokens) => {
    const left = tokens.filter((token) => token.id !== id);
    if (left.length < tokens.length) return left;
    throw new TokenFailure(
      USAGE_ERROR,
      `There is no such token in ${file}; valetkey token list shows those that there are.`,
    );
  });
  return {
    result: "",
    message: `The token ${id} was taken out of ${file}; a service that runs refuses it within seconds.`,
  };
}
