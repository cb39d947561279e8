import type { Listen } from "../http/listen.ts";
import { VERSION } from "../http/version.ts";
import { lifecycle } from "./lifecycle.ts";
import { serve } from "./serve.ts";
import { token } from "./token.ts";

const HELP = `Valetkey signs uploads that go straight from browsers and services into object storage.

  valetkey serve      run the service; environment variables configure it, see docs/configuration.md
  valetkey lifecycle [--apply]
                      print, or add to the bucket, the rule that removes unconfirmed uploads
  valetkey token create | list | revoke …
                      the tokens of AUTH=static; without more it lists its options
  valetkey --help     show this
  valetkey --version  show the version
`;

/** `EX_USAGE` of sysexits.h. */
const USAGE_ERROR = 64;

/** Runs the command that `args` names; the process's exit code is 64 for one that is unknown. */
export async function main(args: ReadonlyArray<string>, listen: Listen): Promise<void> {
  const [command, ...rest] = args;
  if (command === "serve" && rest.length === 0) return serve(listen);
  if (command === "lifecycle" && (rest.length === 0 || rest.join() === "--apply")) {
    return lifecycle({ apply: rest.length > 0 });
  }
  if (command === "token") return token(rest);
  if (command === "--version") {
    process.stdout.write(`${VERSION}\n`);
  } else if (command === undefined || command === "--help") {
    process.stdout.write(HELP);
  } else {
    process.stderr.write(`There is no command "${args.join(" ")}".\n\n${HELP}`);
    process.exitCode = USAGE_ERROR;
  }
}
