import type { RequestListener } from "node:http";
import {
  type Caller,
  type ConfirmedUpload,
  createValetkey,
  type LogEntry,
  type ValetkeyOptions,
} from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";
import { toNodeHandler } from "../../adapters/embed/node.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { listen as serveOn, serve as serveUntilEnd } from "../support/serve.ts";
import { makeFolder } from "../support/make-folder.ts";

/** Mia belongs to acme, whose id is org_1; nobody belongs to globex. */
export const MIA: Caller = { id: "mia" };

export const FILE = {
  caller: MIA,
  organization: "acme",
  filename: "photo.png",
  contentType: "image/png",
  size: 5,
};

/**
 * A host with the embedded store, which serves a Valetkey on a port until it is closed, or until
 * the test that started it ends.
 */
export async function startHost(over: Partial<ValetkeyOptions> = {}) {
  const directory = makeFolder();
  const port = await freePort();
  const log: Array<LogEntry> = [];
  const told: Array<ConfirmedUpload> = [];
  const valetkey = createValetkey({
    storage: local({ directory }),
    publicUrl: `http://127.0.0.1:${port}`,
    organizations: (slug, { id }) => (slug === "acme" && id === "mia" ? "org_1" : undefined),
    authenticate: ({ headers }) =>
      headers.get("cookie") === "session=mia" ? { id: "mia" } : undefined,
    onConfirmed: async (upload) => void told.push(upload),
    log: (entry) => void log.push(entry),
    ...over,
  });
  const stop = await listen(port, toNodeHandler(valetkey));
  const close = async () => {
    await stop();
    await valetkey.close();
  };
  atTestEnd(close);
  return {
    valetkey,
    address: `http://127.0.0.1:${port}`,
    log,
    /** What `onConfirmed` was told. */
    told,
    close,
  };
}

/** Serves on a port of this machine until the test ends or the returned function is called. */
export async function listen(port: number, handler: RequestListener): Promise<() => Promise<void>> {
  const { close } = await serveOn(handler, port);
  atTestEnd(close);
  return close;
}

/** Serves until the test ends, and gives the port. */
export const serve = async (handler: RequestListener) =>
  Number((await serveUntilEnd(handler)).port);

/** PUTs as a browser would. */
export const put = (
  { putUrl, putHeaders }: { putUrl: string; putHeaders: Readonly<Record<string, string>> },
  body = "12345",
): Promise<Response> => fetch(putUrl, { method: "PUT", headers: { ...putHeaders }, body });
