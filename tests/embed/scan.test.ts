import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { isValetkeyError, type PolicyOptions } from "../../adapters/embed/index.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { TEST_FILE } from "../../adapters/content/test-files.ts";
import { type Clamd, startClamd } from "../support/clamd.ts";
import { s3Client } from "../support/s3-store.ts";
import { need } from "../support/need.ts";
import { MIA, startHost } from "./host.ts";

const path = await need("clamd");

const SCANNED = {
  arrival: "incoming",
  writeOnce: true,
  scan: "clamd",
  allowedTypes: ["application/octet-stream"],
  maxSize: "8 MiB",
} as const satisfies PolicyOptions;

type Host = Awaited<ReturnType<typeof startHost>>;

async function upload({ valetkey }: Host, bytes: Uint8Array) {
  const granted = await valetkey.requestUpload({
    caller: MIA,
    organization: "acme",
    filename: "a.bin",
    contentType: "application/octet-stream",
    size: bytes.length,
  });
  const { putUrl, putHeaders, getUrl, receipt } = granted;
  const sent = await fetch(putUrl, {
    method: "PUT",
    headers: putHeaders,
    body: Buffer.from(bytes),
  });
  expect(sent.status).toBe(200);
  const file = new URL(`/api/v1/${granted.key.replace("org_1", "acme")}`, getUrl).href;
  const confirm = () =>
    valetkey
      .confirmUpload({ caller: MIA, organization: "acme", receipt })
      .then(({ final }) => (final ? "final" : "not final"))
      .catch((error: unknown) => {
        if (isValetkeyError(error)) return error.code;
        throw error;
      });
  return { ...granted, file, confirm, bytes };
}

/** Each answer of these URLs until `work` is done, which is never the file. */
async function watched<A>(urls: ReadonlyArray<string>, work: Promise<A>) {
  const end = new AbortController();
  const done = work.finally(() => end.abort());
  const seen = new Set<number>();
  while (!end.signal.aborted) {
    for (const url of urls) {
      const answer = await fetch(url, { headers: { Cookie: "session=mia" } });
      seen.add(answer.status);
      expect(await answer.text()).not.toContain("EICAR");
    }
  }
  return { outcome: await done, seen: [...seen] };
}

describe.skipIf(path === undefined)("a policy with scan: clamd", () => {
  let clamd: Clamd;
  beforeAll(async () => {
    clamd = await startClamd(path ?? "", { StreamMaxLength: "6M", MaxFileSize: "4M" });
  });
  afterAll(() => clamd.stop());

  const open = (policy: PolicyOptions = {}) =>
    startHost({ policy: { ...SCANNED, ...policy }, clamdAddress: clamd.address });
  it("a clean file becomes the file", async () => {
    const host = await open();
    const { confirm, getUrl, bytes } = await upload(host, randomBytes(100_000));
    expect(await confirm()).toBe("final");
    expect(Buffer.from(await (await fetch(getUrl)).arrayBuffer()).equals(bytes)).toBe(true);
  });

  it("an infected one is readable at no moment, and its finding is in the log alone", async () => {
    const host = await open();
    const { confirm, getUrl, file } = await upload(host, TEST_FILE);
    const incoming = getUrl.replace("/orgs/", "/incoming/orgs/");
    const confirms = (async () => {
      const rounds = [];
      for (let round = 0; round < 5; round++) {
        rounds.push(...(await Promise.all([confirm(), confirm(), confirm()])));
      }
      return rounds;
    })();
    const { outcome, seen } = await watched([getUrl, file, incoming], confirms);
    expect(new Set(outcome)).toEqual(new Set(["UPLOAD_REFUSED_BY_SCAN"]));
    expect(seen).not.toContain(200);
    expect(host.told).toEqual([]);
    expect(host.log).toContainEqual(
      expect.objectContaining({
        level: "warn",
        facts: expect.objectContaining({
          finding: expect.stringContaining("Eicar-Test-Signature"),
        }),
      }),
    );
  });

  it("onInfected: delete removes its bytes", async () => {
    const host = await open({ onInfected: "delete" });
    const { confirm } = await upload(host, TEST_FILE);
    expect(await confirm()).toBe("UPLOAD_REFUSED_BY_SCAN");
    expect(await confirm()).toBe("UPLOAD_MISMATCH");
  });

  it("a file that clamd cannot scan is not clean, and stays", async () => {
    const host = await open({ onInfected: "delete" });
    const { confirm, getUrl } = await upload(host, new Uint8Array(5 * 2 ** 20));
    expect(await confirm()).toBe("UPLOAD_REFUSED_BY_SCAN");
    expect(await confirm()).toBe("UPLOAD_REFUSED_BY_SCAN");
    expect((await fetch(getUrl)).status).toBe(404);
  });

  it("a scanner that is gone refuses for now, and the file can be confirmed later", async () => {
    const host = await open({ onInfected: "delete" });
    const { confirm, getUrl } = await upload(host, randomBytes(1000));
    await clamd.kill();
    try {
      expect(await confirm()).toBe("SCANNER_UNAVAILABLE");
      expect((await fetch(getUrl)).status).toBe(404);
    } finally {
      await clamd.restart();
    }
    await expect.poll(confirm, { interval: 500 }).toBe("final");
  });

  it("a scan that takes longer than a request is 202, and goes on", async () => {
    const host = await open();
    // Lets the service believe this clamd first.
    expect(await (await upload(host, randomBytes(10))).confirm()).toBe("final");
    const { receipt, confirm } = await upload(host, randomBytes(1000));
    clamd.pause();
    let answered: Response;
    try {
      answered = await fetch(`${host.address}/api/v1/orgs/acme/files/confirm`, {
        method: "POST",
        headers: { Cookie: "session=mia", "Content-Type": "application/json" },
        body: JSON.stringify({ receipt }),
      });
    } finally {
      clamd.resume();
    }
    expect(answered.status).toBe(202);
    expect(answered.headers.get("retry-after")).toBe("5");
    expect(await answered.json()).toMatchObject({ code: "UPLOAD_PENDING", state: "scanning" });
    await expect.poll(confirm, { interval: 500 }).toBe("final");
  });
});

const minioServer = await need("minio");

describe.skipIf(minioServer === undefined)("a file that is replaced after its verdict", () => {
  it("is scanned again, and the file that was scanned is the one that is copied", async () => {
    const { endpoint, accessKey, secretKey } = minioServer ?? expect.unreachable();
    const client = s3Client({ endpoint, accessKey, secretKey });
    const bucket = `scan-${crypto.randomUUID()}`;
    await client.makeBucket(bucket);
    const clean = randomBytes(TEST_FILE.length);
    let replace: (() => Promise<unknown>) | undefined;
    // Finds whatever is not `clean`; of that, something else is in the store when it answers.
    const clamdAddress = await scannerThat(async (file) => {
      if (!file.includes(clean)) return "Eicar FOUND";
      await replace?.();
      replace = undefined;
      return "OK";
    });
    const storage = minio({ endpoint, bucket, accessKey, secretKey });
    const host = await startHost({ policy: SCANNED, storage, clamdAddress });
    const { key, confirm, getUrl, putUrl, putHeaders } = await upload(host, clean);
    const put = { method: "PUT", headers: putHeaders, body: Buffer.from(TEST_FILE) };
    expect((await fetch(putUrl, put)).status).toBe(412);

    replace = () =>
      client.putObject(bucket, `incoming/${key}`, Buffer.from(TEST_FILE), undefined, {
        "Content-Type": "application/octet-stream",
      });
    const { outcome, seen } = await watched([getUrl], confirm());
    expect(outcome).toBe("UPLOAD_INCOMPLETE");
    expect(replace).toBeUndefined();
    expect(await confirm()).toBe("UPLOAD_REFUSED_BY_SCAN");
    expect(seen).toEqual([404]);
    expect((await fetch(getUrl)).status).toBe(404);
  });
});

/** A scanner of clamd's protocol, which answers a whole file with what `judge` says. */
async function scannerThat(judge: (file: Buffer) => Promise<string>): Promise<string> {
  const server = createServer((socket) => {
    const chunks: Array<Buffer> = [];
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      chunks.push(Buffer.from(chunk));
      const sent = Buffer.concat(chunks);
      if (sent.subarray(-4).equals(Buffer.alloc(4))) {
        void judge(sent).then((verdict) => socket.end(`stream: ${verdict}\0`));
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
