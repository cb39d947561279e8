import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { listen } from "./serve.ts";

/**
 * What is done with a request in the place of the server behind; `undefined` passes it on, and `pass`
 * gives the answer that it would have had.
 */
export type Fault = (
  response: ServerResponse,
  incoming: IncomingMessage,
  pass: () => Promise<IncomingMessage>,
) => unknown;

/** A server before another, which counts what arrives, and does what it is told with it. */
export async function startFaultyServer(target: URL) {
  const state = {
    /** Each request, such as `HEAD object` or `GET object uploadId`. */
    arrived: [] as Array<string>,
    /** Connections that were opened to it. */
    connections: 0,
    /** Requests whose answer is not passed on yet. */
    underWay: 0,
    fault: undefined as Fault | undefined,
    /** The same for some requests. */
    faults: new Map<string, Fault>(),
    /** Awaited before a request is passed on, and before its answer is. */
    onPass: undefined as ((name: string) => unknown) | undefined,
  };
  // It closes no connection but those that a fault does, however busy this thread is.
  const { server, url, close } = await listen((incoming, response) => {
    const { method, url: path = "", rawHeaders } = incoming;
    const { pathname, searchParams } = new URL(path, target);
    const names = [...searchParams.keys()].filter(
      (name) => !/^(?:X-(?:Amz|Goog)-|x-id$)/.test(name),
    );
    const what = pathname.split("/").filter((part) => part !== "").length > 1 ? "object" : "bucket";
    const name = [method, what, ...names].join(" ");
    state.arrived.push(name);
    const { hostname, port } = target;
    const pass = async (): Promise<IncomingMessage> => {
      const onward = request({ method, hostname, port, path, headers: rawHeaders });
      const [[answer]] = await Promise.all([once(onward, "response"), pipeline(incoming, onward)]);
      return answer;
    };
    const forward = async () => {
      await state.onPass?.(name);
      const answer = await pass();
      await state.onPass?.(name);
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      await pipeline(answer, response);
    };
    const fault = state.faults.get(name) ?? state.fault;
    const answered = async () =>
      fault === undefined ? forward() : fault(response, incoming, pass);
    state.underWay += 1;
    answered()
      .catch(() => response.destroy())
      .finally(() => (state.underWay -= 1));
    if (fault !== undefined) incoming.resume();
  });
  server.on("connection", () => (state.connections += 1));
  return { state, url, close };
}

/** An answer with headers and a body, whatever was asked. */
export const answerWith =
  (status: number, headers: Record<string, string>, body = ""): Fault =>
  (response) =>
    void response.writeHead(status, headers).end(body);

export const reset: Fault = (response) => response.socket?.resetAndDestroy();

/** Junk without an end; `sent` counts it. */
export const endless =
  (status: number, sent: (bytes: number) => void): Fault =>
  (response) => {
    const chunk = Buffer.alloc(64 * 1024, "a");
    response.writeHead(status, { "Content-Type": "application/xml" });
    const write = () => {
      while (!response.destroyed && response.write(chunk)) sent(chunk.length);
      sent(chunk.length);
    };
    response.on("drain", write);
    response.on("error", () => undefined);
    write();
  };
