import { getRequestListener } from "@hono/node-server";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pathIn } from "../http/addresses.ts";
import { asResponse } from "../http/problems/answer-problem.ts";
import { problemFrom } from "../http/problems/problem.ts";
import { NotFound } from "../http/problems/refusals.ts";
import { answerUnreadable } from "../http/server/broken-request.ts";
import { isError } from "../values/thrown.ts";
import type { Caller } from "./arguments.ts";
import { mountWarner, pathMatcher, toConsole } from "./host.ts";
import type { Awaitable, Valetkey } from "./valetkey.ts";

/**
 * Makes a handler for `node:http`, and frameworks built on it, of a `Valetkey`:
 * `createServer(toNodeHandler(valetkey))`, or in Express `app.use(toNodeHandler(valetkey))`. With
 * `next` other paths are left to the host; without it they are 404. It must come before anything
 * that reads bodies, such as `express.json()`. The caller that `caller` returns is trusted; if it
 * returns nothing, `authenticate` is called.
 */
export function toNodeHandler<Request extends IncomingMessage = IncomingMessage>(
  { fetch, paths }: Pick<Valetkey, "fetch" | "paths">,
  options: { readonly caller?: (request: Request) => Awaitable<Caller | null | undefined> } = {},
): (request: Request, response: ServerResponse, next?: (error?: Error) => void) => void {
  const isOurs = pathMatcher(paths);
  const callers = new WeakMap<object, Caller>();
  const listener = getRequestListener(
    (request, { incoming }) =>
      isOurs(pathFrom(incoming))
        ? fetch(request, { address: incoming.socket.remoteAddress, caller: callers.get(incoming) })
        : asResponse(problemFrom(new NotFound())),
    { errorHandler: answerUnreadable, overrideGlobalObjects: false },
  );
  const handle = async (request: Request, response: ServerResponse, next?: Next) => {
    try {
      if (request.readableDidRead) throw new Error(BODY_WAS_READ);
      const caller = await options.caller?.(request);
      if (caller !== undefined && caller !== null) callers.set(request, caller);
      void listener(request, response);
    } catch (cause) {
      if (next !== undefined) return next(asError(cause));
      // An unhandled rejection would end the process.
      toConsole({ level: "error", message: "a request was not answered", facts: { cause } });
      response.writeHead(500).end();
    }
  };
  const warnOfMount = mountWarner(isOurs, toConsole);
  return (request, response, next) => {
    const { originalUrl } = request as { originalUrl?: unknown };
    if (typeof originalUrl === "string" && originalUrl !== request.url) {
      if (isOurs(pathIn(originalUrl))) request.url = originalUrl;
      else if (isOurs(pathFrom(request))) warnOfMount(originalUrl);
    }
    if (next !== undefined && !isOurs(pathFrom(request))) return next();
    void handle(request, response, next);
  };
}

type Next = (error?: Error) => void;

const pathFrom = ({ url = "" }: Pick<IncomingMessage, "url">): string => url.split("?", 1)[0] ?? "";

/** Wraps texts such as "route", for which Express would skip routes in `next`. */
const asError = (cause: unknown): Error =>
  isError(cause) ? cause : new Error(String(cause), { cause });

const BODY_WAS_READ =
  "the body of a request was read before toNodeHandler(valetkey) got it: put it before express.json() and its like";
