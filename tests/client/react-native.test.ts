import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import {
  type DeviceFile,
  fileFromUri,
  type ReadRange,
} from "../../deploy/examples/react-native/file-from-uri.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

// The client with the limits of React Native 0.88, as its source has them: nobody has run it there.

const RealBlob = Blob;

/** A Blob that nothing reads: React Native's has no `arrayBuffer`, and is made of no bytes. */
class NativeBlob {
  readonly #content: Blob;
  readonly size: number;
  readonly type: string;
  constructor(content: Blob) {
    this.#content = content;
    this.size = content.size;
    this.type = content.type;
  }
  slice(start?: number, end?: number): NativeBlob {
    return new NativeBlob(this.#content.slice(start, end));
  }
  static contentOf(blob: NativeBlob): Blob {
    return blob.#content;
  }
}

/** Sends text, bytes and its own Blobs, as `convertRequestBody` does. */
class NativeXhr extends EventTarget {
  readonly upload = new EventTarget();
  readonly #headers: Array<[string, string]> = [];
  #url = "";
  #answer: Response | undefined;
  responseText = "";
  open(_method: "PUT", url: string): void {
    this.#url = url;
  }
  setRequestHeader(...header: [string, string]): void {
    this.#headers.push(header);
  }
  async send(given: unknown): Promise<void> {
    const body = given instanceof NativeBlob ? NativeBlob.contentOf(given) : given;
    const isBytes = body instanceof ArrayBuffer || body instanceof RealBlob;
    if (!isBytes) throw new Error("React Native cannot send this body");
    sent.push(body instanceof ArrayBuffer ? body.byteLength : body.size);
    this.#answer = await fetch(this.#url, { method: "PUT", headers: this.#headers, body });
    this.responseText = await this.#answer.text();
    this.dispatchEvent(new Event("loadend"));
  }
  /** Changes nothing once it is done. */
  abort(): void {
    if (this.status === 0) throw new Error("nothing here is aborted on its way");
  }
  get status(): number {
    return this.#answer?.status ?? 0;
  }
  getAllResponseHeaders(): string {
    return [...(this.#answer?.headers ?? [])].map((header) => `${header.join(": ")}\r\n`).join("");
  }
  getResponseHeader(name: string): string | null {
    return this.#answer?.headers.get(name) ?? null;
  }
}

const MIB = 2 ** 20;
const BYTES = Buffer.alloc(12 * MIB, "a film of twelve mebibytes");
const FILM: DeviceFile = {
  uri: "file:///cache/film.png",
  name: "film.png",
  type: "image/png",
  size: BYTES.length,
  lastModified: 1_700_000_000_000,
};

let service: ServiceProcess;
let sent: Array<number> = [];
beforeAll(async () => {
  service = await startProcess({ STORAGE_MAX_FILE_SIZE: "100 MiB" });
});
afterAll(() => service.stop());
beforeEach(() => {
  sent = [];
  vi.stubGlobal("Blob", NativeBlob);
  vi.stubGlobal("XMLHttpRequest", NativeXhr);
  vi.stubGlobal("crypto", undefined);
});
const startClient = () =>
  createClient({ endpoint: service.address, organization: "acme", token: service.token });

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const stored = async (url: string) => sha256(await (await fetch(url)).bytes());

const shorter: ReadRange = async (_, start, end) => BYTES.subarray(start, end).subarray(0, -1);

it("a large file by its URI goes in parts, of which no more is read at a time", async () => {
  const read: Array<number> = [];
  const readRange: ReadRange = async (uri, start, end) => {
    expect(uri).toBe(FILM.uri);
    read.push(end - start);
    return BYTES.subarray(start, end);
  };
  const { getUrl, size } = await startClient().upload(fileFromUri(FILM, readRange));
  expect(size).toBe(BYTES.length);
  expect(await stored(getUrl)).toBe(sha256(BYTES));
  expect(sent.length).toBeGreaterThan(1);
  expect(Math.max(...read)).toBe(Math.max(...sent));
});

it("a Blob of React Native, which nothing can read, goes as a whole", async () => {
  const blob = new NativeBlob(new RealBlob([BYTES], { type: "image/png" }));
  const { getUrl } = await startClient().upload(blob as unknown as Blob);
  expect(await stored(getUrl)).toBe(sha256(BYTES));
  expect(sent).toEqual([BYTES.length]);
});

it("a file that became shorter after it was chosen is not uploaded", async () => {
  const upload = startClient().upload(fileFromUri(FILM, shorter));
  await expect(upload).rejects.toMatchObject({ code: "file-changed" });
});

it("ranges of a file by its URI are those of a Blob", async () => {
  const content = Buffer.from("0123456789");
  const file = fileFromUri({ ...FILM, size: 10 }, async (_, ...range) =>
    content.subarray(...range),
  );
  const blob = new RealBlob([content]);
  for (const range of [[], [3], [3, 7], [0, 99], [8, 2], [12, 14]]) {
    const [own, real] = [file.slice(...range), blob.slice(...range)];
    expect([own.size, await own.arrayBuffer()]).toEqual([real.size, await real.arrayBuffer()]);
    const [inner, same] = [own.slice(1, 3), real.slice(1, 3)];
    expect(await inner.arrayBuffer()).toEqual(await same.arrayBuffer());
  }
});
