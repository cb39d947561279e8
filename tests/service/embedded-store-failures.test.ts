import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, truncateSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { send } from "../../adapters/contract/sending/send.ts";
import { answerOf } from "../support/ask.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

let service: ServiceProcess;
afterEach(() => service.stop());

/** Starts the service on a disk of 1 MiB of its own, which goes with it. */
const startOnSmallDisk = (prepare: string) =>
  startProcess({ STORAGE_MAX_FILE_SIZE: "50 MiB" }, (directory) => [
    "/usr/bin/unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-ec",
    `mount -t tmpfs -o size=1m,mode=700 tmpfs "$0"; ${prepare}; exec ${process.execPath} deploy/node.ts`,
    directory,
  ]);

const call = (path: string, body: object) => answerOf(service, path, body);

const presign = async (size: number) =>
  (await call("presign", { filename: "a.png", content_type: "image/png", size })).body;

/** PUTs `size` bytes as they were granted. */
async function upload(size: number) {
  const granted = await presign(size);
  const options = { headers: granted.put_headers, body: Buffer.alloc(size) };
  return { granted, put: await send("PUT", granted.put_url, options) };
}

/** Waits for what `/readyz` says of the store, which it keeps for some seconds. */
const storeReads = (reason: RegExp) =>
  until(`/readyz saying ${reason}`, async () => {
    const { status, parts } = await (await fetch(`${service.address}/readyz`)).json();
    return status === "degraded" && reason.test(parts.store.reason);
  });

const errorOf = ({ status, headers, body }: Awaited<ReturnType<typeof send>>) => ({
  status,
  type: headers["content-type"],
  code: /<Code>(\w+)<\/Code>/.exec(body.toString())?.[1],
});
const xml = (status: number, code: string) => ({ status, type: "application/xml", code });

describe.skipIf(!(await need("mounts")))("on a disk of its own", () => {
  it("a full disk is reported as S3 reports it, and by /readyz", async () => {
    service = await startOnSmallDisk(":");
    const tooLarge = await upload(3_000_000);
    expect(errorOf(tooLarge.put)).toEqual(xml(507, "InsufficientStorage"));
    // What was not read is more than anybody would wait for.
    expect(tooLarge.put.headers.connection).toBe("close");
    expect((await call("confirm", { receipt: tooLarge.granted.receipt })).status).toBe(409);
    expect((await upload(1_020_000)).put.status).toBe(200);
    await storeReads(/the disk is full/);
    await expect.poll(() => service.output()).toContain("the embedded store failed");
  });

  it("a read-only disk still serves its objects, and is reported by /readyz", async () => {
    service = await startOnSmallDisk(
      'mkdir "$0/objects" "$0/temporary" "$0/uploads"; head -c 32 /dev/zero | base64 > "$0/secret"; mount -o remount,ro "$0"',
    );
    const { put, granted } = await upload(5);
    expect(errorOf(put)).toEqual(xml(503, "ServiceUnavailable"));
    expect(errorOf(await send("GET", granted.get_url))).toEqual(xml(404, "NoSuchKey"));
    await storeReads(/is read-only; mount it/);
  });
});

it("a missing folder is an outage, not a missing upload", async () => {
  service = await startProcess();
  const { granted } = await upload(5);
  renameSync(service.directory, `${service.directory}-away`);
  expect(errorOf(await send("GET", granted.get_url))).toEqual(xml(503, "ServiceUnavailable"));
  expect(errorOf((await upload(5)).put)).toEqual(xml(503, "ServiceUnavailable"));
  expect(await call("confirm", { receipt: granted.receipt })).toMatchObject({
    status: 503,
    body: { code: "STORE_UNAVAILABLE" },
  });
  await storeReads(/the folder of the store is gone/);
  rmSync(`${service.directory}-away`, { recursive: true });
});

it.each([
  ["its last byte", -1],
  ["all but two bytes", 2],
])("an object that has lost %s is reported as damaged, not as missing", async (_, end) => {
  service = await startProcess();
  const { granted } = await upload(5);
  const objects = join(service.directory, "objects");
  const all = readdirSync(objects, { recursive: true, withFileTypes: true });
  const [path = ""] = all.flatMap((each) =>
    each.isFile() ? [join(each.parentPath, each.name)] : [],
  );
  truncateSync(path, end < 0 ? readFileSync(path).length + end : end);
  expect(errorOf(await send("GET", granted.get_url))).toEqual(xml(503, "ServiceUnavailable"));
  const { status } = await call("confirm", { receipt: granted.receipt });
  expect(status).toBe(503);
  await expect.poll(() => service.output()).toContain("a stored object is damaged");
});

it("clients that leave in the middle of many downloads leave no file open", async () => {
  service = await startProcess();
  const { granted } = await upload(10_000_000);
  const { host, port, pathname, search } = new URL(granted.get_url);
  for (let client = 0; client < 5; client++) {
    const socket = connect(Number(port), "127.0.0.1").pause();
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(20));
    await until("the opening of the files", () => openObjects(service.pid).length > 0);
    socket.destroy();
    await once(socket, "close");
  }
  // The garbage collector would close them too, some time.
  await until("the closing of the files", () => openObjects(service.pid).length === 0);
  expect(service.output()).not.toContain("Warning");
});

/** The objects that a process has open. */
const openObjects = (pid: number) =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes("/objects/");
    } catch {
      // It was closed meanwhile.
      return false;
    }
  });
