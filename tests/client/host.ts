import { expect, vi } from "vitest";
import {
  type Client,
  type ClientOptions,
  createClient,
  UploadError,
} from "../../adapters/client/client.ts";
import type { ValetkeyOptions } from "../../adapters/embed/index.ts";
import { startHost } from "../embed/host.ts";
import { atTestEnd } from "../support/at-test-end.ts";

export const TOKEN = "a-token-of-mia";

/** A service with the embedded store on this machine, and a client of it. */
export async function startUploads(
  over: Partial<ValetkeyOptions> = {},
  options: Partial<ClientOptions> = {},
) {
  const host = await startHost({
    authenticate: ({ headers }) =>
      headers.get("authorization") === `Bearer ${TOKEN}` ? { id: "mia" } : undefined,
    ...over,
  });
  ended.delete(host.address);
  atTestEnd(() => void ended.add(host.address));
  // Full jitter at its shortest: what is tried again is tried at once.
  vi.spyOn(Math, "random").mockReturnValue(0);
  const client: Client = createClient({
    endpoint: host.address,
    organization: "acme",
    token: TOKEN,
    ...options,
  });
  return { ...host, client };
}

/** The services of tests that are over: parts of theirs may still be about to be removed. */
const ended = new Set<string>();

/** A request as the network sees it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly credentials: RequestCredentials | undefined;
  readonly keepalive: boolean | undefined;
  readonly isForStore: boolean;
  /** What follows `/files/` in the address of a call to the API. */
  readonly action: string;
}

/** What the network does to a request instead of delivering it, or to its answer. */
export type Trouble = (seen: Seen) => Happening | undefined;
export type Happening = Response | "lost" | "answer lost" | ((answer: Response) => Response);

/** Takes the place of `fetch`, and gives all requests that went through it. */
export function network(trouble: Trouble = () => undefined): ReadonlyArray<Seen> {
  const seen: Array<Seen> = [];
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    if (ended.has(new URL(url).origin)) throw new TypeError("fetch failed");
    const request: Seen = {
      method: init.method ?? "GET",
      url,
      headers: new Headers(init.headers),
      credentials: init.credentials,
      keepalive: init.keepalive,
      isForStore: new URL(url).pathname.startsWith("/store/"),
      action: /\/files\/(.*)/.exec(url)?.[1] ?? "",
    };
    seen.push(request);
    const happens = trouble(request);
    if (happens instanceof Response) return happens;
    if (happens === "lost") throw new TypeError("fetch failed");
    const answer = await real(url, init);
    if (typeof happens === "function") return happens(answer);
    if (happens !== "answer lost") return answer;
    await answer.arrayBuffer();
    throw new TypeError("fetch failed");
  });
  return seen;
}

/** Does this with each PUT in place of sending it, unless it gives nothing; counts them. */
export function onPut(act: (init: RequestInit, count: number) => Promise<Response> | undefined) {
  const through = globalThis.fetch;
  const puts = { count: 0 };
  vi.stubGlobal("fetch", (url: string, init: RequestInit = {}) => {
    const answer = init.method === "PUT" ? act(init, (puts.count += 1)) : undefined;
    return answer ?? through(url, init);
  });
  return puts;
}

/** Takes all of a body, and loses it. */
export async function takeAndLose({ body }: RequestInit): Promise<never> {
  await new Response(body).arrayBuffer();
  throw new TypeError("fetch failed");
}

/** Trouble for the first `count` requests that `matches`. */
export function first(
  count: number,
  matches: (seen: Seen) => boolean,
  trouble: () => Happening,
): Trouble {
  let left = count;
  return (seen) => {
    if (left === 0 || !matches(seen)) return undefined;
    left -= 1;
    return trouble();
  };
}

export const FILE = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });
export const PART_SIZE = 5 * 2 ** 20;
/** Two parts. */
export const LARGE = new File([new Uint8Array(PART_SIZE + 1)], "film.png", {
  type: "image/png",
  lastModified: 1_700_000_000_000,
});
/** Options by which the file goes in parts. */
export const inParts = { multipart: PART_SIZE };

/** An upload in parts that was begun, and failed for good. */
export async function leave() {
  const storage = new Map<string, string>();
  const host = await startUploads({ policies: { films: { maxSize: "100 MiB" } } }, { storage });
  network((seen) => (isPut(seen) ? new Response("", { status: 400 }) : undefined));
  expect((await failure(host.client.upload(LARGE, inParts))).code).toBe("store-refused");
  vi.unstubAllGlobals();
  return { ...host, storage };
}

/** What an upload fails with. */
export const failure = (upload: Promise<unknown>): Promise<UploadError> =>
  upload.then(
    () => expect.unreachable("it was uploaded"),
    (error: unknown) => {
      if (error instanceof UploadError) return error;
      throw error;
    },
  );

export const isPut = ({ isForStore, method }: Seen): boolean => isForStore && method === "PUT";
export const isFor =
  (action: string) =>
  (seen: Seen): boolean =>
    seen.action === action;

/** A policy as a service lists it. */
export const POLICY = {
  name: "files",
  max_size: 2 ** 30,
  allowed_types: ["image/png"],
  extensions: {},
  put_lifetime: 900,
  get_lifetime: 900,
  strict: false,
  write_once: false,
  require_checksum: false,
  checksums: ["sha256"],
  multipart: { max_size: 2 ** 30, checksums: ["sha256"] },
};

export const policyWith = (over: object): Response =>
  Response.json({ policies: [{ ...POLICY, ...over }] });

/** Stops the clocks of a client; timers that wait go on. */
export const stopClocks = (): unknown =>
  vi.useFakeTimers({ toFake: ["Date", "performance", "setInterval", "clearInterval"] });

/** Lets so many seconds pass, in which the machine is awake. */
export const pass = (seconds: number): unknown => vi.advanceTimersByTime(seconds * 1000);

/** A refusal as a store writes it. */
export const s3Error = (status: number, code: string): Response =>
  new Response(`<Error><Code>${code}</Code><Message>A sentence.</Message></Error>`, { status });
