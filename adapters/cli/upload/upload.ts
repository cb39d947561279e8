import * as Schema from "effect/Schema";
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import { mediaTypeByExtension } from "../../../domain/media-type.ts";
import { OrganizationSlug } from "../../../domain/organization.ts";
import { PolicyName } from "../../../domain/upload-policy.ts";
import {
  createClient,
  UploadError,
  type UploadPolicy,
  type UploadResult,
} from "../../client/client.ts";
import { snakeCase } from "../../values/names.ts";
import { HttpUrl } from "../../settings/codecs.ts";
import { onOneLine } from "../../values/printable.ts";
import { errorCode } from "../../values/thrown.ts";
import { asJson, columns, command, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { printMessage } from "../command/output.ts";
import { makeProgressLine } from "./progress-line.ts";
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
    "Upload files through a running service, with the token in $VALETKEY_TOKEN; a large file goes on where it was left",
  options: {
    files: option("FILE...", Schema.NonEmptyString, "the path of a file, or several", {
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
    const line = makeProgressLine();
    const opened = await Promise.all(files.map((path) => open(path, types)));
    const readable = opened.filter((each) => each instanceof File);
    const task = client.uploadAll(readable, {
      policy,
      onProgress: line.show,
      onFileProgress: line.showFile,
    });
    const interrupt = () => {
      line.end();
      printMessage("Interrupted. Run the same command again, and large files go on.\n");
      process.exit(130);
    };
    process.once("SIGINT", interrupt);
    const outcomes = await task;
    process.off("SIGINT", interrupt);
    line.end();
    const results = new Map(
      outcomes.map((outcome, index) => [
        readable[index],
        outcome.status === "fulfilled" ? outcome.value : failureFrom(outcome.reason),
      ]),
    );
    const rows = opened.flatMap((each, index) => {
      const result = each instanceof File ? results.get(each) : each;
      return result ? [{ file: files[index] ?? "", result }] : [];
    });
    const failed = rows.flatMap(({ file, result }) =>
      "message" in result ? onOneLine(`${file}: ${result.message}`) : [],
    );
    const sent = rows.flatMap(({ file, result }) =>
      "key" in result ? [[file, result.fileUrl]] : [],
    );
    return {
      result: json ? asJson(rows.map(inJson)) : columns(sent),
      message: failed.join("\n") || undefined,
      code: failed.length > 0 ? EXIT.failure : undefined,
    };
  },
});

interface Failure {
  readonly code: string;
  readonly message: string;
}

async function open(path: string, types: UploadPolicy["extensions"]): Promise<File | Failure> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) {
      return { code: "directory", message: "It is a folder. Name its files." };
    }
    const content = await openAsBlob(path);
    const extension = extname(path).toLowerCase();
    const type = types[extension] ?? mediaTypeByExtension(extension.slice(1));
    return new File([content], basename(path), { type, lastModified: Math.floor(found.mtimeMs) });
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") {
      return { code: "not-found", message: "There is no such file. Check its path." };
    }
    return {
      code: "unreadable",
      message: `It cannot be read (${errorCode(cause) ?? String(cause)}).`,
    };
  }
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
  "size",
  "contentType",
  "getUrl",
  "fileUrl",
  "publicUrl",
  "receipt",
] as const;

function inJson({
  file,
  result,
}: {
  readonly file: string;
  readonly result: UploadResult | Failure;
}) {
  if ("message" in result) return { file, error: result };
  const members = MEMBERS.map((name) => [snakeCase(name), result[name]]);
  return { file, ...Object.fromEntries(members) };
}
