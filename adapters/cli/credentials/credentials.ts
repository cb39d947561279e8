import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { SizeText } from "../../../domain/byte-size.ts";
import { LONGEST_CREDENTIALS, SHORTEST_CREDENTIALS } from "../../../domain/credentials-grant.ts";
import { PolicyName } from "../../../domain/upload-policy.ts";
import { command, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { printMessage } from "../command/output.ts";
import { SERVICE_OPTIONS } from "../upload/upload.ts";
import { makeAsk } from "./ask.ts";
import { complete } from "./complete.ts";
import { environmentFor, FORMS, inShell, uriOf } from "./forms.ts";
import { runTool } from "./run-tool.ts";
import { keepSession, readSession, Session } from "./session.ts";

const Lifetime = Schema.DurationFromString.check(
  Schema.makeFilter<Duration.Duration>((time) =>
    Duration.between(time, { minimum: SHORTEST_CREDENTIALS, maximum: LONGEST_CREDENTIALS }),
  ),
);

const FORM_NAMES = Object.keys(FORMS) as ReadonlyArray<keyof typeof FORMS>;

export const credentials = command({
  name: "credentials",
  summary:
    "Run a tool such as rclone or aws with temporary credentials of the store, and complete what it uploads, with $VALETKEY_TOKEN",
  options: {
    tool: option("-- COMMAND...", Schema.NonEmptyString, "a command with its arguments", {
      note: "in which {uri}, {bucket} and {prefix} are where it may upload",
      isArgument: true,
      isRepeatable: true,
    }),
    ...SERVICE_OPTIONS,
    policy: option("NAME", PolicyName, "the name of a policy", { note: "files if left out" }),
    "max-bytes": option("SIZE", SizeText, 'a size such as "2 GiB"', {
      note: "the most bytes that become files, 1 GiB if left out",
    }),
    "expires-in": option("TIME", Lifetime, "a time of 15 minutes to 12 hours", {
      note: "as long as the policy allows if left out",
    }),
    session: option("FILE", Schema.NonEmptyString, "the path of a file", {
      note: "keeps the credentials, and has those to go on with if it is there",
    }),
    print: option("FORM", Schema.Literals(FORM_NAMES), FORM_NAMES.join(", "), {
      note: "prints them for a tool, in place of running one",
    }),
    ...JSON_OPTION,
  },
  run: async ({ tool, policy = "files", session: named, print, json = false, ...input }) => {
    if ((tool === undefined) === (print === undefined)) {
      const message = "Name a command after --, or a form with --print.";
      throw new CommandFailure({ code: EXIT.usage, message });
    }
    const ask = makeAsk(input);
    const known = named === undefined ? undefined : readSession(named);
    const { "max-bytes": max_bytes, "expires-in": lifetime } = input;
    const expires_in = lifetime && Duration.toSeconds(lifetime);
    const body = { policy, ...(max_bytes && { max_bytes }), ...(expires_in && { expires_in }) };
    const session = known ?? (await ask("credentials", body, Session, 1));
    const file = known && named ? named : keepSession(session, named);
    const at = `${inShell(file)} --org ${input.org} --endpoint ${input.endpoint.href}`;
    const later = `To complete what was uploaded: valetkey credentials complete ${at}`;
    const life = `The credentials end at ${session.expires_at}.`;
    if (print !== undefined) {
      const result = FORMS[print](session);
      if (result === undefined) {
        const message = `--print ${print} is for other stores than this. Use --print env.`;
        throw new CommandFailure({ code: EXIT.usage, message });
      }
      return { result, message: `${life} ${later}` };
    }
    if (tool === undefined) return;
    printMessage(`${life} ${later}\n`);
    const places = { uri: uriOf(session), bucket: session.bucket, prefix: session.prefix };
    const words = tool.map((word) =>
      word.replaceAll(/\{(uri|bucket|prefix)\}/g, (_, name: keyof typeof places) => places[name]),
    );
    const env = environmentFor(session, process.env);
    const code = await runTool(words, { env, output: json ? 2 : 1 });
    if (code === 0) return complete(ask, { grant: session.grant, file, json });
    const message = `${words[0]} ended with ${code}, so nothing was completed. Run it again with --session ${inShell(file)} to go on. ${later}`;
    return { message, code };
  },
});

export const completeCredentials = command({
  name: "credentials complete",
  summary: "Complete what a tool has uploaded with temporary credentials, with $VALETKEY_TOKEN",
  options: {
    session: option("FILE", Schema.NonEmptyString, "the path of a file of --session", {
      note: "- for standard input",
      isArgument: true,
      isRequired: true,
    }),
    ...SERVICE_OPTIONS,
    ...JSON_OPTION,
  },
  run: async ({ session: file, json = false, ...service }) => {
    const session = readSession(file);
    if (session === undefined) {
      const message = `There is no file ${file}. It is removed once everything was completed.`;
      throw new CommandFailure({ code: EXIT.noInput, message });
    }
    return complete(makeAsk(service), { grant: session.grant, file, json });
  },
});
