import * as Result from "effect/Result";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { certifiedStore } from "../../adapters/cli/certify/certified-store.ts";
import { variables } from "../../adapters/settings/source.ts";
import { examine } from "../../adapters/contract/running/examine.ts";
import { PROMISES, standsOn } from "../../adapters/contract/promises/promises.ts";
import { configurationMessage } from "../../adapters/cli/command/configuration.ts";
import { readStore } from "../../adapters/service/settings.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startServer } from "../support/server-process.ts";
import { certificateOf } from "../support/store-certificate.ts";

await import("../support/few-rounds.ts");
// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

// Servers of S3's API that were not made for strangers: what an examination says of them first, and
// what a service makes of that.

const KEY = "S3RVER";

interface Peer {
  readonly path: string | undefined;
  readonly args: (port: number) => string;
  /** What it breaks of what every store must keep, among others. */
  readonly breaks: ReadonlyArray<string>;
  readonly keeps: ReadonlyArray<string>;
}

const PEERS: Readonly<Record<string, Peer>> = {
  rclone: {
    path: await need("rclone"),
    args: (port) =>
      `serve s3 data --addr 127.0.0.1:${port} --auth-key ${KEY},${KEY} --vfs-cache-mode writes --cache-dir cache --config=`,
    breaks: ["a GET answers a range, and 304 to a client that has the object"],
    keeps: [
      "a list has each file of an organization once, page by page",
      "an organization that is forgotten has no file",
      "a file of 60 MB is confirmed as every other",
    ],
  },
  s3rver: {
    path: await need("s3rver"),
    args: (port) =>
      `--directory data --address 127.0.0.1 --port ${port} --silent --no-vhost-buckets --configure-bucket files`,
    breaks: [
      "a stored object cannot be read without a signature",
      "a PUT with one digit of the signature changed is refused",
      "an organization that is forgotten has no file",
    ],
    keeps: ["a PUT past its lifetime is refused"],
  },
};

it.each(Object.entries(PEERS).filter(([, { path }]) => path !== undefined))(
  "%s is found to break what every store must keep, and no service starts over it by mistake",
  async (name, { path = "", args, breaks, keeps }) => {
    const folder = makeFolder();
    mkdirSync(join(folder, "data", "files"), { recursive: true });
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const isUp = async () => (await fetch(`${endpoint}/files?list-type=2`)).status < 500;
    await startServer({ path, args: args(port).split(" "), folder, isUp });
    const env = {
      STORAGE_ADAPTER: "minio",
      STORAGE_PROVIDER: "s3",
      STORAGE_ENDPOINT: endpoint,
      STORAGE_BUCKET: "files",
      STORAGE_ACCESS_KEY: KEY,
      STORAGE_SECRET_KEY: KEY,
    };
    const { store } = Result.getOrThrow(certifiedStore(variables(env)));
    const signal = new AbortController().signal;
    const every = PROMISES.filter(({ title }) => standsOn.every.includes(title));
    const found = await examine({ store, promises: every, onFinding: () => undefined, signal });
    const { findings } = found;
    const titlesOf = (outcome: string) =>
      findings.filter((each) => each.outcome === outcome).map(({ promise }) => promise);
    expect(titlesOf("broken")).toEqual(expect.arrayContaining([...breaks]));
    expect(titlesOf("kept")).toEqual(expect.arrayContaining([...keeps]));

    const file = join(folder, "certificate.json");
    const promises = findings.map(({ promise, outcome }) => ({ promise, outcome }));
    writeFileSync(file, JSON.stringify(certificateOf({ endpoint, promises })));
    const certified = { ...env, STORAGE_CERTIFICATE: file };
    const told = Result.match(readStore(certified), {
      onSuccess: () => "it starts",
      onFailure: (faults) => configurationMessage("It cannot start", faults, []),
    });
    for (const title of breaks) expect(told).toContain(title);
    const known = readStore({ ...certified, STORAGE_ACCEPT_BROKEN: "on" });
    expect(Result.isSuccess(known)).toBe(true);
  },
);
