import { randomBytes } from "node:crypto";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ask } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { createValetkey, isValetkeyError } from "../../adapters/embed/index.ts";
import { local } from "../../adapters/embed/local.ts";
import { type ServiceProcess, startProcess, untilReady } from "../support/service-process.ts";
import { storeFile } from "../support/store-file.ts";
import { snippetsOf } from "../support/snippets.ts";

// What docs/troubleshooting.md, docs/policies.md and docs/parts.md tell an operator to do, done.

const minio = await need("minio");
const directory = makeFolder();

async function start(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const service = await startProcess(env);
  atTestEnd(service.stop);
  return service;
}

async function post(service: ServiceProcess, action: string, body: object) {
  const answer = await ask(service, action, body);
  return { status: answer.status, body: await answer.json() };
}

const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };
const UPLOAD = { filename: "a.txt", contentType: "text/plain", size: 5 };
const keyOf = (id: string) => `${id}:${randomBytes(32).toString("base64")}`;

it("the guides for operators and uploads have the snippets that are tested here", () => {
  expect([...snippetsOf("docs/troubleshooting.md").keys()]).toEqual(["cors.json", "gcs-cors.json"]);
  expect([...snippetsOf("docs/policies.md").keys()]).toEqual(["videos.json"]);
  expect([...snippetsOf("docs/parts.md").keys()]).toEqual(["parts.sh"]);
});

it("a file goes in parts by the commands of the guide, with the settings beside them", async () => {
  const commands = snippetsOf("docs/parts.md").get("parts.sh") ?? "";
  const [, settings = ""] = /^# The service: (.*) npm start$/m.exec(commands) ?? [];
  const command = `${settings} exec node deploy/node.ts`;
  const service = await startProcess({}, () => ["/bin/sh", "-c", command]);
  atTestEnd(service.stop);
  const { address, token } = service;
  const script = commands.replace("http://127.0.0.1:8787", address);
  const { stdout } = await promisify(execFile)("sh", ["-ec", script], {
    cwd: directory,
    env: { ...process.env, DEV_TOKEN: token },
  });
  expect(JSON.parse(stdout)).toMatchObject({ size: 20 * 2 ** 20, final: true });
});

it("videos of 50 MB are granted under the policy of the example, and larger ones are not", async () => {
  const service = await start({
    STORAGE_POLICIES: snippetsOf("docs/policies.md").get("videos.json") ?? "",
  });
  const video = { filename: "a.mp4", content_type: "video/mp4", size: 50 * 2 ** 20 };
  const statuses = await Promise.all(
    [video, { ...video, size: video.size + 1 }, { ...video, policy: undefined }].map(
      async (asked) => (await post(service, "presign", { policy: "videos", ...asked })).status,
    ),
  );
  expect(statuses).toEqual([200, 413, 415]);
});

/** A replica, with the keys that its variables have; replicas share one store. */
function replica(receiptKeys: ReadonlyArray<string>) {
  const valetkey = createValetkey({
    storage: local({ directory }),
    publicUrl: "http://127.0.0.1:8787",
    organizations: (slug) => slug,
    policy: { linkLifetime: "30 days" },
    receiptKeys,
  });
  atTestEnd(valetkey.close);
  const asked = { caller: { id: "mia" }, organization: "acme" };
  return {
    receipt: async () => (await valetkey.requestUpload({ ...asked, ...UPLOAD })).receipt,
    /** The receipt of a file that is there. */
    stored: async () => {
      const { key, receipt } = await valetkey.requestUpload({ ...asked, ...UPLOAD });
      await storeFile(directory, key);
      return receipt;
    },
    /** The code that a confirmation is refused with, since no file is ever sent. */
    confirm: (receipt: string) =>
      valetkey.confirmUpload({ ...asked, receipt }).then(
        () => "confirmed",
        (error: unknown) => (isValetkeyError(error) ? error.code : String(error)),
      ),
    link: async (receipt: string) => (await valetkey.makeLink({ ...asked, receipt })).linkUrl,
    follow: async (link: string) => (await valetkey.fetch(new Request(link))).status,
  };
}

it("a receipt key is rotated in three steps, and no receipt is refused meanwhile", async () => {
  const [old, next] = [keyOf("2026"), keyOf("2027")];
  const steps = [replica([old]), replica([old, next]), replica([next, old]), replica([next])];
  for (const [i, later] of steps.entries()) {
    const earlier = steps[i - 1];
    if (earlier === undefined) continue;
    // While some replicas have been restarted and others not, each meets the other's receipts.
    expect(await later.confirm(await earlier.receipt())).toBe("UPLOAD_INCOMPLETE");
    expect(await earlier.confirm(await later.receipt())).toBe("UPLOAD_INCOMPLETE");
  }
  const receipt = await replica([old]).receipt();
  expect(await replica([next]).confirm(receipt)).toBe("INVALID_RECEIPT");
});

it("links end with the receipt key that sealed them", async () => {
  const [old, next] = [keyOf("2026"), keyOf("2027")];
  const before = replica([old]);
  const link = await before.link(await before.stored());
  expect(await replica([next, old]).follow(link)).toBe(302);
  expect(await replica([next]).follow(link)).toBe(404);
});

/** The status of a store's answer, and the code in it. */
async function send(method: string, url: string, headers = {}, body?: string) {
  const answer = await fetch(url, { method, headers, ...(body && { body }) });
  const [, code] = /<Code>(\w+)<\/Code>/.exec(await answer.text()) ?? [];
  return [answer.status, code];
}

const STORES = [
  { name: "the embedded store", env: {}, isHere: true },
  {
    name: "MinIO",
    env: {
      ...minioEnv(minio),
    },
    isHere: minio !== undefined,
  },
];

describe.each(STORES.filter(({ isHere }) => isHere))("a 403 of $name", ({ name, env }) => {
  it("each 403 has the code that the table of causes has", async () => {
    const service = await start(env);
    await untilReady(service);
    const presign = async (more: object = {}) =>
      (await post(service, "presign", { ...FILE, ...more })).body as {
        put_url: string;
        get_url: string;
        put_headers: Record<string, string>;
      };
    const { put_url: url, get_url, put_headers: headers } = await presign();
    const differs = [403, "SignatureDoesNotMatch"];
    expect(await send("PUT", url, { "Content-Type": "text/plain;charset=UTF-8" }, "12345")).toEqual(
      differs,
    );
    // A string is sent with a type and a charset of its own.
    expect(await send("PUT", url, {}, "12345")).toEqual(differs);
    expect(await send("PUT", url, headers, "123456")).toEqual(differs);
    expect(await send("PUT", `${url}&more=1`, headers, "12345")).toEqual(differs);
    expect((await send("HEAD", get_url))[0]).toBe(403);
    expect(await send("GET", get_url.replace(/\?.*/, ""))).toEqual([403, "AccessDenied"]);

    const strict = await presign({ strict: true });
    expect(await send("PUT", strict.put_url, headers, "12345")).toEqual(
      name === "MinIO" ? [400, "AccessDenied"] : differs,
    );
    expect(await send("PUT", strict.put_url, strict.put_headers, "12345")).toEqual([
      200,
      undefined,
    ]);
    expect(await send("PUT", strict.put_url, strict.put_headers, "12345")).toEqual([
      412,
      "PreconditionFailed",
    ]);
    const checksum = { algorithm: "md5", value: "gnzLDuqKcGxMNKFokfhOew==" };
    const bound = await presign({ checksum });
    expect(await send("PUT", bound.put_url, bound.put_headers, "54321")).toEqual([
      400,
      "BadDigest",
    ]);
  });
});
