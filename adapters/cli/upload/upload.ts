import * as Schema from "effect/Schema";
import { resolve } from "node:path";
import { OrganizationSlug } from "../../../domain/organization.ts";
import { PolicyName } from "../../../domain/upload-policy.ts";
import { createClient, UploadError, type UploadResult } from "../../client/client.ts";
import { snakeCase } from "../../values/names.ts";
import { HttpUrl } from "../../settings/codecs.ts";
import { onOneLine } from "../../values/printable.ts";
import { asJson, columns, command, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { printMessage } from "../command/output.ts";
import { type Failure, type Opened, openFiles } from "./open-files.ts";
import { makeProgressLine } from "./progress-line.ts";
import { type Arrived, makeUploadJournal } from "./upload-journal.ts";
import { makeUploadMemory } from "./upload-memory.ts";

/** Time limit of the service's first answer, in milliseconds. */
const REACH_TIMEOUT = 10_000;

/** The options of commands that use a running service. */
export const SERVICE_OPTIONS = {
  org: option("SLUG", OrganizationSlug, "an organization's name, such as acme", {
    isRequired: true,
  }),
  endpoint: option(
    "URL",
    HttpUrl,
    "the address of the service, such as https://uploads.example.com",
    { isRequired: true, note: "$VALETKEY_ENDPOINT if left out", variable: "VALETKEY_ENDPOINT" },
  ),
};

/** Reads the token from the environment: an option would show in the list of processes. */
export function tokenOrFail(): string {
  const token = process.env["VALETKEY_TOKEN"] ?? "";
  if (/^[ -~]*$/.test(token)) return token;
  const message = "VALETKEY_TOKEN must be a token of the service: ASCII on one line.";
  throw new CommandFailure({ code: EXIT.usage, message });
}

export const upload = command({
  name: "upload",
  summary:
    "Upload files and folders through a running service, with the token in $VALETKEY_TOKEN; the same command goes on where it was stopped",
  options: {
    files: option("PATH...", Schema.NonEmptyString, "the paths of files and folders", {
      isArgument: true,
      isRequired: true,
      isRepeatable: true,
    }),
    ...SERVICE_OPTIONS,
    policy: option("NAME", PolicyName, "the name of a policy", { note: "files if left out" }),
    ...JSON_OPTION,
  },
  run: async ({ files, org, endpoint, policy, json = false }) => {
    const token = tokenOrFail();
    let isReached = false;
    const client = createClient({
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        isReached = true;
        return answer;
      },
      endpoint: endpoint.href,
      organization: org,
      ...(token && { token }),
      storage: makeUploadMemory(),
    });
    const policies = await client.policies(AbortSignal.timeout(REACH_TIMEOUT)).catch(() => []);
    if (!isReached) {
      const message = `No answer from ${endpoint.href} in 10 seconds. Check --endpoint, the network, and that the service runs.`;
      throw new CommandFailure({ code: EXIT.failure, message });
    }
    const types = policies.find(({ name }) => name === (policy ?? "files"))?.extensions ?? {};
    const journal = makeUploadJournal([endpoint.href, org, policy ?? "", resolve("."), ...files]);
    const rows: Array<Row> = (await openFiles(files, types)).map(({ name, file }) => ({
      name,
      file,
      outcome: file instanceof File ? journal.find(name, file) : { error: file },
    }));
    const left = rows.filter(({ outcome }) => outcome === undefined);
    const line = makeProgressLine();
    const task = client.uploadAll(
      left.map(({ file }) => file as File),
      { policy, onProgress: line.show, onFileProgress: line.showFile },
    );
    const interrupt = () => {
      line.end();
      printMessage("Interrupted. Run the same command again, and it goes on.\n");
      process.exit(130);
    };
    process.once("SIGINT", interrupt);
    await Promise.all(
      task.uploads.map(async (sending, index) => {
        const row = left[index] as Row;
        try {
          row.outcome = inJson(await sending);
          journal.add(row.name, row.file as File, row.outcome);
        } catch (cause) {
          row.outcome = { error: failureFrom(cause) };
        }
      }),
    );
    process.off("SIGINT", interrupt);
    line.end();
    const failed = rows.flatMap(({ name, outcome }) =>
      outcome?.error ? onOneLine(`${name}: ${outcome.error.message}`) : [],
    );
    if (failed.length === 0) journal.end();
    const sent = rows.flatMap(({ name, outcome }) =>
      outcome?.file_url ? [[name, outcome.file_url]] : [],
    );
    return {
      result: json
        ? asJson(rows.map(({ name, outcome }) => ({ file: name, ...outcome })))
        : columns(sent),
      message: failed.join("\n") || undefined,
      code: failed.length > 0 ? EXIT.failure : undefined,
    };
  },
});

interface Row extends Pick<Opened, "name" | "file"> {
  outcome: (Arrived & { readonly error?: Failure }) | undefined;
}

export function failureFrom(cause: unknown): Failure {
  if (!(cause instanceof UploadError)) return { code: "failed", message: String(cause) };
  const code = cause.problem?.code ?? cause.code;
  // The client's own message names its option `token`.
  return cause.code === "unauthenticated"
    ? { code, message: UNAUTHENTICATED }
    : { code, message: cause.message };
}

export const UNAUTHENTICATED =
  "The service does not know the caller. Set VALETKEY_TOKEN to a token of the service; npm start prints one.";

const MEMBERS = [
  "key",
  "path",
  "size",
  "contentType",
  "getUrl",
  "fileUrl",
  "publicUrl",
  "receipt",
] as const;

const inJson = (result: UploadResult): Arrived =>
  Object.fromEntries(MEMBERS.map((name) => [snakeCase(name), result[name]]));
