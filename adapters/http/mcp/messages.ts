import * as Predicate from "effect/Predicate";
import { memberAt } from "../../values/decode.ts";
import { printable } from "../../values/printable.ts";
import { VERSION } from "../version.ts";

// Messages of the Model Context Protocol, for a server without sessions that has only tools:
// https://modelcontextprotocol.io/specification/2025-11-25

/** A tool as `tools/list` returns it, and its call, which answers like an operation. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly annotations: object;
  readonly run: (input: Input, signal?: AbortSignal) => Promise<Response>;
}

export type Input = Readonly<Record<string, unknown>>;

/** Makes a refusal: its code, what is wrong, and what to do. */
export const refused = (code: string, detail: string): Response =>
  Response.json({ code, detail }, { status: 400 });

/** Versions of the protocol; clients with a newer one accept these too. */
const VERSIONS = ["2025-11-25", "2025-06-18"] as const;
const ABOUT = {
  capabilities: { tools: {} },
  serverInfo: { name: "valetkey", title: "Valetkey", version: VERSION },
};

export interface Reply {
  /** Undefined if no answer is needed. */
  readonly message?: object;
  /** The code of the refusal, for the audit and the log. */
  readonly code?: string;
}

/** Answers a message. */
export async function answerMessage(
  message: unknown,
  tools: ReadonlyArray<Tool>,
  signal?: AbortSignal,
): Promise<Reply> {
  const at = (...names: ReadonlyArray<string>) => memberAt(message, names);
  const id = at("id");
  const isNamed = typeof id === "string" || Number.isInteger(id);
  if (
    at("jsonrpc") !== "2.0" ||
    typeof at("method") !== "string" ||
    !(isNamed || id === undefined)
  ) {
    return refusal(-32600, "Send one message of JSON-RPC 2.0: batches are not supported.");
  }
  if (!isNamed) return {};
  const reply = (result: object) => ({ message: { jsonrpc: "2.0", id, result } });
  switch (at("method")) {
    case "initialize": {
      const version = VERSIONS.find((each) => each === at("params", "protocolVersion"));
      return reply({ protocolVersion: version ?? VERSIONS[0], ...ABOUT });
    }
    case "ping":
      return reply({});
    case "tools/list":
      // JSON has no functions.
      return reply({ tools });
    case "tools/call": {
      const tool = tools.find(({ name }) => name === at("params", "name"));
      const input = at("params", "arguments") ?? {};
      if (tool === undefined) return refusal(-32602, "There is no such tool.", id);
      if (!Predicate.isReadonlyObject(input))
        return refusal(-32602, "arguments must be an object.", id);
      const response = await tool.run(input, signal);
      const retry_after = response.headers.get("retry-after") ?? undefined;
      const answer = { ...(await response.json()), retry_after };
      // Text content, for clients that know no other.
      const content = [{ type: "text", text: printable(JSON.stringify(answer)) }];
      if (response.status === 200) return reply({ content, structuredContent: answer });
      return { ...reply({ content, isError: true }), code: String(answer.code) };
    }
    default:
      return refusal(-32601, "There is no such method.", id);
  }
}

/** Makes an error of the protocol itself. */
export const failure = (code: number, message: string, id: unknown = null) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

const refusal = (...of: Parameters<typeof failure>): Reply => ({
  message: failure(...of),
  code: "INVALID_REQUEST",
});

export const isSupported = (version: string | null): boolean =>
  version === null || VERSIONS.some((each) => each === version);
