import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { DEFAULT_POLICY } from "../../../domain/upload-policy.ts";
import { type Client, UploadError } from "../../client/client.ts";
import { type Input, refused, type Tool } from "../../http/mcp/messages.ts";
import { jsonSchema } from "../../http/mcp/tools.ts";
import { fileFields } from "../../http/operations/presign.ts";
import { decoder } from "../../values/decode.ts";
import { errorCode } from "../../values/thrown.ts";
import { failureFrom } from "../upload/upload.ts";
import { openInside } from "./open-inside.ts";

const Upload = Schema.Struct({
  path: Schema.NonEmptyString.annotate({ description: "Its path in the allowed folder." }),
  policy: fileFields.policy,
  metadata: fileFields.metadata,
});
const decode = decoder(Upload);

/** The tool that uploads a file of a folder; its bytes do not pass through the conversation. */
export function uploadFile(folder: string, client: Pick<Client, "policies" | "upload">): Tool {
  return {
    name: "upload_file",
    description:
      "Uploads a file of the allowed folder, and confirms it. A large one is sent in parts, and goes on where an earlier call was left. Hidden files are refused.",
    inputSchema: jsonSchema(Upload),
    annotations: { readOnlyHint: false, destructiveHint: false },
    run: (input, signal) => upload(input, signal).catch(failed),
  };

  async function upload(input: Input, signal: AbortSignal | undefined): Promise<Response> {
    const decoded = decode(input);
    if (Result.isFailure(decoded)) {
      const faults = decoded.failure.map(({ pointer, reason }) => `${pointer}: ${reason}`);
      return refused("INVALID_REQUEST", `${faults.join("; ")}.`);
    }
    const { path, policy = DEFAULT_POLICY, metadata } = decoded.success;
    const rules = (await client.policies(signal)).find(({ name }) => name === policy);
    const opened = await openInside(folder, path);
    try {
      const { size, mtimeMs } = await opened.handle.stat();
      const limit = rules?.multipart?.maxSize ?? rules?.maxSize ?? Infinity;
      if (size > limit) {
        return refused("FILE_TOO_LARGE", `It has ${size} bytes; the policy accepts ${limit}.`);
      }
      const content = await openAsBlob(opened.path);
      const file = new File([content], basename(path), { lastModified: Math.floor(mtimeMs) });
      const result = await client.upload(file, { policy, metadata, signal });
      const { key, fileUrl: file_url, publicUrl: public_url } = result;
      return Response.json({ key, size, file_url, public_url });
    } finally {
      await opened.handle.close();
    }
  }
}

function failed(cause: unknown): Response {
  if (cause instanceof UploadError) {
    const { code, message } = failureFrom(cause);
    return refused(code, message);
  }
  return refused("UNREADABLE", `It cannot be read (${errorCode(cause)}). Check its path.`);
}
