import * as identity from "../identity/settings.ts";

/** `EX_USAGE`, `EX_NOINPUT`, `EX_CANTCREAT` of sysexits.h. */
export const USAGE_ERROR = 64;
export const NO_INPUT = 66;
export const CANNOT_CREATE = 73;

/** What a command leaves: a result for standard output, and words for a person. */
export interface TokenOutcome {
  readonly result: string;
  readonly message?: string;
}

/** Why a command cannot be done, as a person reads it, and the exit code that says so. */
export class TokenFailure extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The option that names the file of tokens. */
export const FILE = { file: { type: "string" } } as const;

/** The file that the option names, or else the variable. */
export function fileOf(option: string | undefined): string {
  const file = option ?? process.env[identity.tokensFile.name] ?? "";
  if (file !== "") return file;
  throw new TokenFailure(USAGE_ERROR, "--file is missing, and AUTH_TOKENS_FILE is not set.");
}
