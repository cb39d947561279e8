import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../../values/thrown.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { stateFolder } from "../upload/upload-memory.ts";

/** ASCII on one line, so that no printed form can be left by what it quotes. */
const Text = Schema.String.check(Schema.isPattern(/^[ -~]+$/));

/** Without what a shell reads: people write them into scripts by `{bucket}`, and copy paths of them. */
const Name = Schema.String.check(Schema.isPattern(/^\w[\w.:/-]*$/));

const PLACE = { endpoint: Text, bucket: Name, prefix: Name };
const GRANT = { grant: Text, expires_at: Text, complete_until: Text };

/** What the service answers, by the kind of its store; a file keeps it until it is completed. */
export const Session = Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("s3"),
    ...PLACE,
    region: Text,
    path_style: Schema.Boolean,
    access_key_id: Text,
    secret_access_key: Text,
    session_token: Text,
    ...GRANT,
  }),
  Schema.Struct({ kind: Schema.Literal("gcs"), ...PLACE, access_token: Text, ...GRANT }),
  Schema.Struct({ kind: Schema.Literal("azure"), ...PLACE, sas: Text, ...GRANT }),
]);
export type Session = typeof Session.Type;

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Session));

/** Reads a session from a file, or from standard input for `-`; undefined if there is no file. */
export function readSession(file: string): Session | undefined {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw failure(`${file} cannot be read (${errorCode(cause)}).`, EXIT.noInput);
  }
  return Option.getOrThrowWith(decode(text), () =>
    failure(`${file} was not written by valetkey credentials --session.`, EXIT.noInput),
  );
}

/** Keeps a session in a file of the user alone, a new one unless it is named. Gives its path. */
export function keepSession(
  session: Session,
  file = join(stateFolder(), "credentials", `${basename(session.prefix)}.json`),
): string {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify(session), { mode: 0o600, flag: "wx" });
    return file;
  } catch (cause) {
    const message = `${file} cannot be written (${errorCode(cause)}). Name another with --session.`;
    throw failure(message, EXIT.cannotCreate);
  }
}

export const forgetSession = (file: string): void => {
  if (file !== "-") rmSync(file, { force: true });
};

const failure = (message: string, code: number) => new CommandFailure({ code, message });
