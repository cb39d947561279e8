import { inspect } from "node:util";
import { readEnvFiles } from "../settings/env-files.ts";
import type { Listen } from "../http/server/listen.ts";
import { VERSION } from "../http/version.ts";
import { PackageMissing } from "../values/needed-by.ts";
import { certify } from "./certify/certify.ts";
import { columns } from "./command/command.ts";
import { orFail } from "./command/configuration.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { config } from "./config.ts";
import { cors } from "./cors.ts";
import { completeCredentials, credentials } from "./credentials/credentials.ts";
import { doctor } from "./doctor/command.ts";
import { eventCommands } from "./events/events.ts";
import { forget } from "./forget.ts";
import { lifecycle } from "./lifecycle.ts";
import { print, printMessage } from "./command/output.ts";
import { mcp } from "./mcp/mcp.ts";
import { move } from "./move/move.ts";
import { policy } from "./policy.ts";
import { CANNOT_START, serveCommand } from "./serve.ts";
import { attach } from "./store/attach.ts";
import { sweep } from "./sweep.ts";
import { tokenCommands } from "./tokens/tokens.ts";
import { upload } from "./upload/upload.ts";
import { usage } from "./usage.ts";

export async function main(args: ReadonlyArray<string>, listen: Listen): Promise<void> {
  const serve = serveCommand(listen);
  const commands = [
    serve,
    upload,
    // The longer name first.
    completeCredentials,
    credentials,
    mcp,
    config,
    doctor,
    certify,
    cors,
    lifecycle,
    sweep,
    forget,
    move,
    usage,
    policy,
    attach,
    ...eventCommands,
    ...tokenCommands,
  ];
  // What follows is the command of another program.
  const own = args.slice(0, [...args, "--"].indexOf("--"));
  const words = own.filter((arg) => arg !== "help" && !arg.startsWith("-"));
  const chosen = commands.find(({ name }) => `${words.join(" ")} `.startsWith(`${name} `));
  const group = commands.filter(({ name }) => name.startsWith(`${words[0]} `));
  const listed = group.length > 0 ? group : commands;
  const overview = `${columns(listed.map(({ name, summary }) => [`  valetkey ${name}`, summary]))}
"valetkey COMMAND --help" explains a command, and "valetkey --version" shows the version.
`;
  const [first = "help"] = args;
  try {
    if (first === "help" || own.includes("--help") || own.includes("-h")) {
      print(chosen?.help ?? overview);
    } else if (first === "--version") {
      print(`${VERSION}\n`);
    } else if (chosen === undefined) {
      // The arguments after the first word may hold a secret.
      const message = `"valetkey ${first}" is not a command; these are:\n\n${overview}`;
      throw new CommandFailure({ code: EXIT.usage, message });
    } else {
      const failure = chosen === serve ? CANNOT_START : "The command cannot run";
      const inFiles = orFail(readEnvFiles(process.env), failure, process.env);
      for (const [name, { value }] of inFiles) process.env[name] = value;
      const output = await chosen.run(args.slice(chosen.name.split(" ").length));
      if (output?.message !== undefined) printMessage(`${output.message}\n`);
      print(output?.result ?? "");
      if (output?.code !== undefined) process.exitCode = output.code;
    }
  } catch (cause) {
    const isMissing = cause instanceof PackageMissing;
    const isExpected = isMissing || cause instanceof CommandFailure;
    printMessage(`${isExpected ? cause.message.trimEnd() : inspect(cause)}\n`);
    const code = isMissing ? EXIT.couldNotRun : EXIT.failure;
    process.exitCode = cause instanceof CommandFailure ? cause.code : code;
  }
}
