import * as Result from "effect/Result";
import { parseArgs } from "node:util";
import { decodeTokens, endOf, type StoredToken } from "../identity/token-file.ts";
import { readJsonFile } from "../settings/json-file.ts";
import { FILE, fileOf, NO_INPUT, TokenFailure, type TokenOutcome } from "./token-arguments.ts";

const HEAD = ["ID", "KIND", "SUBJECT", "ORGANIZATIONS", "SCOPES", "EXPIRES"];

/** Gives a line for each token of the file: all that is known of it, and not its hash. */
export async function listTokens(args: ReadonlyArray<string>): Promise<TokenOutcome> {
  const { values } = parseArgs({ args: [...args], options: FILE });
  const file = fileOf(values.file);
  const tokens = Result.flatMap(readJsonFile(file), decodeTokens);
  if (Result.isFailure(tokens)) {
    throw new TokenFailure(NO_INPUT, `The file ${file} ${tokens.failure}.`);
  }
  const now = Date.now();
  return { result: tableOf([HEAD, ...tokens.success.map((token) => cellsOf(token, now))]) };
}

const cellsOf = (token: StoredToken, now: number): ReadonlyArray<string> => [
  token.id,
  token.kind,
  token.subject,
  token.organizations.join(","),
  token.scopes.join(","),
  token.expires_at === undefined
    ? "never"
    : `${token.expires_at}${now < endOf(token) ? "" : " (over)"}`,
];

function tableOf(rows: ReadonlyArray<ReadonlyArray<string>>): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: ReadonlyArray<string>) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${lineOf(row)}\n`).join("");
}
