import { type Context, type Env, Hono } from "hono";
import type { Caller } from "./arguments.ts";
import type { Awaitable, Valetkey } from "./valetkey.ts";

/**
 * The routes of a `Valetkey`, for a Hono application: `app.route("/", valetkeyRoutes(valetkey))`.
 * Other paths are left to the application. The caller that `caller` returns is trusted; if it
 * returns nothing, `authenticate` is called.
 */
export function valetkeyRoutes<E extends Env>(
  { fetch, paths }: Pick<Valetkey, "fetch" | "paths">,
  options: {
    readonly caller?: (c: Context<E>) => Awaitable<Caller | null | undefined>;
    /** Returns the address at the other end of the connection (`getConnInfo` of Hono). */
    readonly address?: (c: Context<E>) => string | undefined;
  } = {},
): Hono<E> {
  const app = new Hono<E>();
  for (const path of paths) {
    app.all(path, async (c) =>
      fetch(c.req.raw, { address: options.address?.(c), caller: await options.caller?.(c) }),
    );
  }
  return app;
}
