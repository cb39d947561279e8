import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { statSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { createInterface } from "node:readline";
import { createClient } from "../../client/client.ts";
import { answerMessage, failure } from "../../http/mcp/messages.ts";
import type { Send } from "../../http/mcp/tools.ts";
import { print } from "../command/output.ts";
import { memberAt } from "../../values/decode.ts";
import { errorMessage } from "../../values/thrown.ts";
import { command, option } from "../command/command.ts";
import { makeUploadMemory } from "../upload/upload-memory.ts";
import { SERVICE_OPTIONS, tokenOrFail } from "../upload/upload.ts";

const isFolder = (path: string) =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const Folder = Schema.String.check(Schema.makeFilter(isFolder));

export const mcp = command({
  name: "mcp",
  summary:
    "Give an agent the tools of a running service (Model Context Protocol over stdio), with the token in $VALETKEY_TOKEN",
  options: {
    ...SERVICE_OPTIONS,
    folder: option("DIR", Folder, "the path of a folder", {
      note: "the agent may upload what is in it and not hidden; nothing if left out",
    }),
  },
  run: async ({ org, folder, endpoint: { href } }) => {
    const token = tokenOrFail();
    const endpoint = href.replace(/\/$/, "");
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const send: Send = (path, init) =>
      fetch(endpoint + path, { ...init, headers, redirect: "manual" });
    // They load what makes schemas.
    const { toolsFor } = await import("../../http/mcp/tools.ts");
    const { uploadFile } = await import("./upload-file.ts");
    const storage = makeUploadMemory();
    const client = createClient({ endpoint, organization: org, token, storage });
    const uploadTools = folder === undefined ? [] : [uploadFile(await realpath(folder), client)];
    const tools = [...toolsFor(send, org), ...uploadTools];
    const running = new Map<unknown, AbortController>();

    async function answer(message: unknown): Promise<void> {
      const at = (...names: ReadonlyArray<string>) => memberAt(message, names);
      if (at("method") === "notifications/cancelled") {
        running.get(at("params", "requestId"))?.abort();
      }
      const controller = new AbortController();
      running.set(at("id"), controller);
      const reply = await answerMessage(message, tools, controller.signal).catch((cause) => ({
        message: failure(-32603, `It failed (${errorMessage(cause)}).`, at("id")),
      }));
      running.delete(at("id"));
      if (reply.message !== undefined && !controller.signal.aborted) write(reply.message);
    }

    const lines = createInterface({ input: process.stdin });
    // The reader of the answers is gone.
    process.stdout.on("error", () => lines.close());
    for await (const line of lines) {
      const message = parse(line);
      if (Option.isSome(message)) void answer(message.value);
      else write(failure(-32700, "The line is not well-formed JSON."));
    }
    for (const controller of running.values()) controller.abort();
  },
});

const write = (message: object) => print(`${JSON.stringify(message)}\n`);
const parse = Option.liftThrowable((line: string): unknown => JSON.parse(line));
