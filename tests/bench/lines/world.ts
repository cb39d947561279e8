import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import type * as client from "../../../adapters/client/client.ts";
import { bundleClient } from "../../../deploy/bundle-client.ts";
import type { ServiceProcess } from "../../support/service-process.ts";
import type { Condition } from "./conditions.ts";
import { startLine } from "./line.ts";

/** Uploads in a page, over a line. */
export interface Upload {
  /** A service of ours, or the name of another client. */
  readonly by: ServiceProcess | string;
  readonly size: number;
  readonly seed: number;
  readonly condition: Condition;
}

export interface Outcome {
  /** Undefined if the bytes arrived as they were. */
  readonly fault: string | undefined;
  /** Bytes sent over size. */
  readonly sent: number;
  /** Of the line. */
  readonly seconds: number;
  readonly cuts: number;
}

/** What the page has of other clients: they return the place where a file arrived. */
export interface Others {
  readonly upload: (by: string, file: File) => Promise<string>;
}
declare const ready: Promise<readonly [typeof client, Others]>;

/** A page, whose clients are what `modules` has beside our own. */
export async function startSite(
  modules: ReadonlyMap<string, string> = new Map(),
  further?: (request: IncomingMessage, response: ServerResponse) => unknown,
) {
  const all = new Map([...(await bundleClient()), ...modules]);
  const names = ["client.js", "others.js"].filter((name) => all.has(name));
  const imports = names.map((name) => `import("./${name}")`);
  const site = createServer((request, response) => {
    const { url = "" } = request;
    const module = all.get(url.slice(1));
    if (module === undefined && url !== "/") {
      if (further) return void further(request, response);
      return void response.writeHead(404).end();
    }
    response.setHeader("Content-Type", module === undefined ? "text/html" : "text/javascript");
    response.end(module ?? `<!doctype html><script>ready = Promise.all([${imports}]);</script>`);
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const close = async () => {
    site.closeAllConnections();
    site.close();
    await once(site, "close");
  };
  return { origin, close };
}

/** The bytes of a file, by its seed, which the page makes too. */
function bytesOf(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = seed + 1;
  for (let index = 0; index < words.length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** Makes the clocks of a page faster, but for the date, which servers compare with their own. */
function hastenPage(hasten: number): void {
  const { setTimeout: later, setInterval: often } = globalThis;
  const now = performance.now.bind(performance);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  Object.assign(globalThis, {
    setTimeout: (run: () => void, wait = 0, ...rest: Array<unknown>) =>
      later(run, wait / hasten, ...rest),
    setInterval: (run: () => void, wait = 0, ...rest: Array<unknown>) =>
      often(run, wait / hasten, ...rest),
  });
  performance.now = () => now() * hasten;
  AbortSignal.timeout = (wait) => timeout(Math.ceil(wait / hasten));
}

interface Place {
  readonly browser: Browser;
  readonly origin: string;
  /** Stops the processes of the browser and starts them again. */
  readonly freeze?: (isFrozen: boolean) => void;
  /** The clocks of the page and of the line are so many times as fast. */
  readonly hasten: number;
  /** The longest that an upload takes, in seconds of the line. */
  readonly most: number;
  /** Reads what another client has sent. */
  readonly read?: (by: string, place: string) => Promise<Uint8Array>;
}

/** Uploads a file over a line of its own, and compares what has arrived. */
export async function uploadOver(place: Place, upload: Upload): Promise<Outcome> {
  const { browser, origin, hasten, most } = place;
  const { by, size, seed, condition } = upload;
  const line = await startLine(hasten);
  const context = await browser.newContext({
    proxy: { server: `socks5://127.0.0.1:${line.port}` },
  });
  try {
    await context.addInitScript(hastenPage, hasten);
    // Chromium gives up where an interface of the machine comes or goes, as Docker's do.
    const open = async (times: number): Promise<Page> => {
      const page = await context.newPage();
      try {
        // A busy machine takes its time.
        await page.goto(origin, { timeout: 0 });
        await page.evaluate("ready.then(() => undefined)");
        return page;
      } catch (cause) {
        await page.close();
        if (times === 1) throw cause;
        return open(times - 1);
      }
    };
    const page = await open(5);
    const service = typeof by === "string" ? undefined : { endpoint: by.address, token: by.token };
    const before = line.sent();
    line.rate(condition.rate);
    void condition.run(offset(line, before), size);
    const start = performance.now();
    if (condition.sleep !== undefined) {
      const sleep = async () => {
        await line.past(before + size * 0.4);
        place.freeze?.(true);
        // Meanwhile the network has forgotten its connections.
        line.cut();
        await line.wait(condition.sleep ?? 0);
        place.freeze?.(false);
      };
      void sleep();
    }
    const running = page.evaluate(uploadInPage, {
      by: service ? "" : by,
      service,
      size,
      seed,
      make: `${bytesOf}`,
    });
    running.catch(() => undefined);
    const late = line.wait(most).then(() => ({ fault: "no end" }));
    const outcome = await Promise.race([running, late]);
    const seconds = ((performance.now() - start) / 1000) * hasten;
    const sent = (line.sent() - before) / size;
    const fault = "place" in outcome ? await compare(place, upload, outcome.place) : outcome.fault;
    return { fault, sent, seconds, cuts: line.cuts() };
  } finally {
    place.freeze?.(false);
    await line.close();
    await context.close();
  }
}

/** The same line, for which nothing was sent before. */
const offset = (
  line: ReturnType<typeof startLine> extends Promise<infer L> ? L : never,
  before: number,
) => ({
  ...line,
  sent: () => line.sent() - before,
  past: (bytes: number) => line.past(before + bytes),
});

async function uploadInPage({
  by,
  service,
  size,
  seed,
  make,
}: {
  readonly by: unknown;
  readonly service: { readonly endpoint: string; readonly token: string } | undefined;
  readonly size: number;
  readonly seed: number;
  readonly make: string;
}): Promise<{ readonly place: string } | { readonly fault: string }> {
  const bytes: Uint8Array<ArrayBuffer> = new Function(`return ${make}`)()(size, seed);
  const file = new File([bytes], `${seed}.png`, { type: "image/png", lastModified: 1 });
  const [ours, others] = await ready;
  try {
    if (service === undefined) return { place: await others.upload(`${by}`, file) };
    const { getUrl } = await ours.createClient({ ...service, organization: "acme" }).upload(file);
    return { place: getUrl };
  } catch (cause) {
    const { code, message } = cause as { readonly code?: string; readonly message: string };
    return { fault: code ?? message };
  }
}

async function compare(
  { read }: Place,
  { by, size, seed }: Upload,
  place: string,
): Promise<string | undefined> {
  const arrived =
    typeof by === "string" ? await read?.(by, place) : await (await fetch(place)).bytes();
  return arrived && hash(arrived) === hash(bytesOf(size, seed)) ? undefined : "other bytes";
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
