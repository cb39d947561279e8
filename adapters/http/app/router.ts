import type { Result, Router } from "hono/router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";

const OTHERS = "other methods";

/**
 * A router for each method. The fast one cannot compile some sets of paths, such as
 * `/files/policies` beside `/files/:year`, and a slower one takes over: then only for that method.
 */
export class RouterByMethod<T> implements Router<T> {
  readonly name = "RouterByMethod";
  readonly #routers = new Map(
    ["GET", "POST", "PUT", "DELETE", OTHERS].map((method) => [
      method,
      new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] }),
    ]),
  );
  /** Paths with patterns, tried last: each costs other requests a microsecond. */
  readonly #patterns = new TrieRouter<T>();

  add(method: string, path: string, handler: T): void {
    const all = method === "ALL" ? [...this.#routers.values()] : [this.#of(method)];
    const routers = path.includes("{") ? [this.#patterns] : all;
    for (const router of routers) router?.add(method, path, handler);
  }

  match(method: string, path: string): Result<T> {
    const match = this.#of(method)?.match(method, path);
    return match?.[0].length ? match : this.#patterns.match(method, path);
  }

  #of(method: string): Router<T> | undefined {
    return this.#routers.get(method) ?? this.#routers.get(OTHERS);
  }
}
