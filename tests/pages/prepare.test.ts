import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Client, Prepare, UploadResult } from "../../adapters/client/client.ts";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { type Pages, startPages } from "./project.ts";

// The recipes of docs/client/prepare.md as they are written there.

const executablePath = await need("chromium");
const recipes = snippetsOf("docs/client/prepare.md");

/** 40 by 20 points, red and then blue, to be turned to the right; with a camera, GPS and a comment. */
const TURNED_JPEG =
  "/9j/4AAQSkZJRgABAQAAAQABAAD/4QB4RXhpZgAATU0AKgAAAAgAAwEPAAIAAAAHAAAAMgESAAMAAAABAAYAAIglAAQAAAABAAAAOgAAAABDYW1lcmEAAAACAAEAAgAAAAJOAAAAAAIABQAAAAMAAABYAAAAAAAAADQAAAABAAAAHwAAAAEAAAAMAAAAAf/+AAlhdCBob21l/9sAQwAUDg8SDw0UEhASFxUUGB4yIR4cHB49LC4kMklATEtHQEZFUFpzYlBVbVZFRmSIZW13e4GCgU5gjZeMfZZzfoF8/9sAQwEVFxceGh47ISE7fFNGU3x8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8/8AAEQgAFAAoAwEiAAIRAQMRAf/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/EAB8BAAMBAQEBAQEBAQEAAAAAAAABAgMEBQYHCAkKC//EALURAAIBAgQEAwQHBQQEAAECdwABAgMRBAUhMQYSQVEHYXETIjKBCBRCkaGxwQkjM1LwFWJy0QoWJDThJfEXGBkaJicoKSo1Njc4OTpDREVGR0hJSlNUVVZXWFlaY2RlZmdoaWpzdHV2d3h5eoKDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uLj5OXm5+jp6vLz9PX29/j5+v/aAAwDAQACEQMRAD8AyqKKK88+wK15/B+NVatXn8H41Vr7DLP91h8/zZ8rmH+8y+X5IKKKK9A4TTooor8/PuCtefwfjVWiivsMs/3WHz/NnyuYf7zL5fkgooor0DhP/9k=";
/** 64 by 32 points, red and then blue, as x265 and libheif write them. */
const HEIC =
  "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAACUAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAC1tZGF0AAAAISgBrxmA70mlv//ihh/5rWv+v7IX//LxJ34ken/W5ENtbw==";

interface InPage {
  readonly smaller: Prepare;
  readonly fromHeic: Prepare;
  readonly makeKey: () => Promise<CryptoKey>;
  readonly encryptWith: (key: CryptoKey) => Prepare;
  readonly decrypt: (key: CryptoKey, blob: Blob) => Promise<ArrayBuffer>;
  readonly client: Client;
  readonly fileOf: (base64: string, name: string, type: string) => File;
  /** What is stored, and its size and colours in the middle of each quarter if it is a picture. */
  readonly look: (result: UploadResult) => Promise<Looked>;
}
interface Looked {
  readonly size: readonly [number, number];
  readonly corners: ReadonlyArray<string>;
  readonly text: string;
}
declare const page: InPage;

const script = (service: ServiceProcess) => `
  import { createClient } from "valetkey/client";
  import { smaller } from "./smaller.js";
  import { fromHeic } from "./heic.js";
  import { decrypt, encryptWith, makeKey } from "./encrypt.js";
  const client = createClient({
    endpoint: ${JSON.stringify(service.address)},
    organization: "acme",
    token: async () => (await fetch("/upload-token")).text(),
  });
  const fileOf = (base64, name, type) =>
    new File([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))], name, { type, lastModified: 7 });
  const look = async ({ getUrl }) => {
    const blob = await (await fetch(getUrl)).blob();
    const picture = await createImageBitmap(blob, { imageOrientation: "none" });
    const { width, height } = picture;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(picture, 0, 0);
    const corners = [[1, 1], [3, 1], [1, 3], [3, 3]].map(([x, y]) => {
      const [red, , blue] = context.getImageData((width * x) / 4, (height * y) / 4, 1, 1).data;
      return red > 200 && blue < 60 ? "red" : blue > 200 && red < 60 ? "blue" : "other";
    });
    return { size: [width, height], corners, text: new TextDecoder("latin1").decode(await blob.arrayBuffer()) };
  };
  Object.assign(globalThis, { page: { smaller, fromHeic, makeKey, encryptWith, decrypt, client, fileOf, look } });
`;

describe.skipIf(executablePath === undefined)("recipes in Chromium", () => {
  let browser: Browser;
  let pages: Pages;
  let service: ServiceProcess;
  let tab: Page;

  beforeAll(async () => {
    [browser, pages] = await Promise.all([launchChromium(executablePath), startPages()]);
    service = await startProcess({
      CORS_ORIGINS: pages.origin,
      STORAGE_POLICIES: '{"sealed": {"allowed_types": ["application/octet-stream"]}}',
    });
    pages.token = service.token;
    const modules = { "prepare-page.ts": script(service), ...Object.fromEntries(recipes) };
    tab = await browser.newPage();
    await tab.goto(await pages.add(modules));
    await tab.waitForFunction(() => "page" in globalThis);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    pages.close();
  });

  it("smaller pictures are turned as their EXIF says, which is gone with GPS and comments", async () => {
    expect(atob(TURNED_JPEG)).toMatch(/Exif.*Camera.*at home/s);
    const { size, corners, text } = await tab.evaluate(async (jpeg) => {
      const { client, fileOf, look, smaller: prepare } = page;
      return look(await client.upload(fileOf(jpeg, "a.jpg", "image/jpeg"), { prepare }));
    }, TURNED_JPEG);
    expect(size).toEqual([20, 40]);
    expect(corners).toEqual(["red", "red", "blue", "blue"]);
    expect(text).not.toMatch(/Exif|Camera|at home/);
  });

  it("large pictures are made smaller, others pass, and what is no picture is an error for people", async () => {
    const { size, others, code, sentence } = await tab.evaluate(async () => {
      const { client, look, smaller } = page;
      const canvas = new OffscreenCanvas(5000, 2500);
      canvas.getContext("2d");
      const large = new File([await canvas.convertToBlob()], "a.png", { type: "image/png" });
      const { size } = await look(await client.upload(large, { prepare: smaller }));
      const gif = new File(["GIF89a"], "a.gif", { type: "image/gif" });
      const others = (await client.upload(gif, { prepare: smaller })).size;
      const broken = new File(["no picture"], "a.png", { type: "image/png" });
      const error = await client.upload(broken, { prepare: smaller }).then(
        () => ({ code: "", userMessage: "" }),
        ({ code, userMessage }) => ({ code, userMessage }),
      );
      return { size, others, code: error.code, sentence: error.userMessage };
    });
    expect([size, others]).toEqual([[2000, 1000], 6]);
    expect([code, sentence]).toEqual([
      "prepare-failed",
      "This file could not be prepared. Choose another one.",
    ]);
  });

  it("HEIC becomes JPEG, also before it is made smaller", async () => {
    const { result, looked } = await tab.evaluate(async (heic) => {
      const { client, fileOf, look, smaller, fromHeic } = page;
      const prepare: Prepare = async (file, context) =>
        smaller((await fromHeic(file, context)) as File, context);
      const result = await client.upload(fileOf(heic, "IMG_1.HEIC", ""), { prepare });
      return { result, looked: await look(result) };
    }, HEIC);
    expect(result).toMatchObject({ filename: "IMG_1.jpg", contentType: "image/jpeg" });
    expect(looked.size).toEqual([64, 32]);
    expect(looked.corners).toEqual(["red", "blue", "red", "blue"]);
  });

  it("what is encrypted is read back with its key, and not once a byte was changed", async () => {
    const outcome = await tab.evaluate(async () => {
      const { client, makeKey, encryptWith, decrypt } = page;
      const key = await makeKey();
      const file = new File(["a secret"], "diary.txt", { type: "text/plain" });
      const options = { prepare: encryptWith(key), path: "", policy: "sealed" };
      const { getUrl, filename, contentType } = await client.upload(file, options);
      const blob = await (await fetch(getUrl)).blob();
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const read = new TextDecoder().decode(await decrypt(key, blob));
      const text = new TextDecoder("latin1").decode(bytes);
      bytes[15] = (bytes[15] ?? 0) ^ 1;
      const isRefused = await decrypt(key, new Blob([bytes])).then(
        () => false,
        () => true,
      );
      return { filename, contentType, read, isPlain: text.includes("secret"), isRefused };
    });
    expect(outcome).toEqual({
      filename: "encrypted",
      contentType: "application/octet-stream",
      read: "a secret",
      isPlain: false,
      isRefused: true,
    });
  });
});
