import { expect, it } from "vitest";
import { createFiles, UploadError } from "../../adapters/client/files/files.ts";
import type { Scope } from "../../domain/principal.ts";
import { network, startUploads, TOKEN } from "./host.ts";

const FILE = new Blob(["a picture"], { type: "image/png" });

/** Files of somebody who may do everything, or has these scopes. */
async function start(
  scopes: ReadonlyArray<Scope> = ["write", "confirm", "read", "list", "remove"],
) {
  const { client, address } = await startUploads({
    authenticate: () => ({ id: "mia", scopes }),
  });
  const files = createFiles({ endpoint: address, organization: "acme", token: TOKEN });
  return { client, files, address };
}

async function keysIn(files: AsyncIterable<{ readonly key: string }>) {
  const keys: Array<string> = [];
  for await (const { key } of files) keys.push(key);
  return keys;
}

it("files are listed, page after page, and removed", async () => {
  const { client, files } = await start();
  const uploads = await Promise.all([1, 2, 3].map(() => client.upload(FILE)));
  const [first = expect.fail("nothing was uploaded")] = uploads;
  const keys = uploads.map(({ key }) => key).toSorted();
  expect(await keysIn(files.list())).toEqual(keys);
  const month = first.key.split("/").slice(3, 5).join("/");
  for await (const file of files.list({ prefix: month })) {
    expect(file).toMatchObject({ size: FILE.size, storedAt: expect.any(Date) });
    expect(uploads.map(({ fileUrl }) => fileUrl)).toContain(file.fileUrl);
  }
  expect(await keysIn(files.list({ prefix: "1999/01" }))).toEqual([]);
  // Again is no error.
  await files.remove(first.fileUrl);
  await files.remove(`${first.fileUrl}?download`);
  expect(await keysIn(files.list())).toEqual(keys.filter((key) => key !== first.key));
});

it("a person's own files are listed with their names, and removed, by the scope mine alone", async () => {
  const { client, address } = await startUploads({
    authenticate: () => ({ id: "mia", scopes: ["write", "confirm", "read", "mine"] }),
    policies: {
      own: { key: "orgs/{organization}/{subject}/{id}{extension}", arrival: "incoming" },
    },
  });
  const files = createFiles({ endpoint: address, organization: "acme", token: TOKEN });
  const note = new File(["a note"], "note.txt", { type: "text/plain" });
  await client.upload(FILE);
  const { key } = await client.upload(note, { policy: "own" });
  const own = () => files.page({ mine: true, details: true, limit: 1 });
  const listed = (await own()).files;
  expect(listed).toMatchObject([{ key, filename: "note.txt", contentType: "text/plain" }]);
  await expect(keysIn(files.list())).rejects.toMatchObject({ code: "forbidden" });
  await files.remove(listed[0]?.fileUrl ?? "");
  expect((await own()).files).toEqual([]);
});

it("the next page is asked for with what the last one ended with, and once", async () => {
  const { client, files } = await start();
  const { key, fileUrl } = await client.upload(FILE);
  const stored = {
    key,
    size: 9,
    content_type: "image/png",
    stored_at: "2026-11-24T12:00:00.000Z",
    file_url: fileUrl,
  };
  const pages = [
    { files: [stored], next: "2026/11/a" },
    { files: [stored], next: "2026/11/a" },
  ];
  const seen = network(() => Response.json(pages.shift() ?? { files: [] }));
  expect(await keysIn(files.list({ prefix: "2026" }))).toEqual([key, key]);
  expect(seen.map(({ url }) => new URL(url).search)).toEqual([
    "?prefix=2026",
    "?prefix=2026&after=2026%2F11%2Fa",
  ]);
});

it("who may not list or remove hears so, and a broken list is not believed", async () => {
  const { client, files } = await start(["write", "confirm", "read"]);
  const { fileUrl } = await client.upload(FILE);
  for (const ask of [() => keysIn(files.list()), () => files.remove(fileUrl)]) {
    const refused: unknown = await ask().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UploadError);
    expect(refused).toMatchObject({ code: "forbidden", status: 403 });
  }
  for (const broken of [{}, { files: [{ key: "a" }] }, { files: [], next: 1 }, "x", null]) {
    network(() => Response.json(broken));
    await expect(keysIn(files.list())).rejects.toMatchObject({ code: "invalid-answer" });
  }
});

it.each([
  "",
  "https://elsewhere.example/a.png",
  "/api/v1/orgs/acme/files/../../../../a/b.png",
  "/api/v1/orgs/acme/files/2026/../b.png",
  "/api/v1/orgs/acme/files/2026/%2e%2e/b.png",
  "/api/v1/orgs/acme/files/presign",
  `/api/v1/orgs/acme/files/${"a/".repeat(8000)}`,
])("%.60s is no address of a file, and nothing is sent", async (address) => {
  const files = createFiles({ endpoint: "http://127.0.0.1:12", organization: "acme" });
  const seen = network();
  await expect(files.remove(address)).rejects.toThrow("fileUrl must be that of a file");
  expect(seen).toEqual([]);
});

it("a signed address of a picture or a file is asked for as JSON", async () => {
  const files = createFiles({ endpoint: "http://127.0.0.1:12", organization: "acme" });
  const answers = ["https://images.example.com/a", "https://store.example.com/a"];
  const seen = network(() => Response.json({ url: answers.shift() ?? "javascript:alert(1)" }));
  const key = "orgs/acme/files/2026/11/a.png";
  expect(await files.imageUrl(key, { width: 320 })).toBe("https://images.example.com/a");
  expect(await files.openUrl("orgs/acme/logos/a.png", { download: true })).toBe(
    "https://store.example.com/a",
  );
  const asked = seen.map(({ url, headers }) => [url, headers.get("accept")]);
  expect(asked).toEqual([
    ["http://127.0.0.1:12/api/v1/orgs/acme/files/2026/11/a.png?width=320", "application/json"],
    ["http://127.0.0.1:12/api/v1/orgs/acme/files/logos/a.png?download", "application/json"],
  ]);
  await expect(files.openUrl(key)).rejects.toMatchObject({ code: "invalid-answer" });
  await expect(files.openUrl("a/../b.png")).rejects.toThrow("key must be that of a file");
  await expect(
    files.imageUrl(key, { width: 1, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({ code: "aborted" });
});

it("an option that cannot be used throws at once", () => {
  const endpoint = "http://127.0.0.1:12";
  expect(() => createFiles({ endpoint: "ftp:", organization: "acme" })).toThrow(TypeError);
  expect(() =>
    createFiles({ endpoint, organization: "acme", retry: { for: "soon" as "5 minutes" } }),
  ).toThrow(TypeError);
});

it("what is stored is told, of all and of the caller's own folder", async () => {
  const { client, address } = await startUploads({
    authenticate: () => ({ id: "mia", scopes: ["write", "confirm", "read"] }),
    policies: { own: { key: "orgs/{organization}/{subject}/{id}{extension}" } },
    limits: { storedBytes: "1 kB" },
  });
  const files = createFiles({ endpoint: address, organization: "acme", token: TOKEN });
  await client.upload(FILE);
  await client.upload(FILE, { policy: "own" });
  const bytes = 2 * FILE.size;
  expect(await files.usage()).toMatchObject({ files: 2, bytes, limit: 1000, granted: 0, open: 0 });
  const own = await files.usage({ mine: true });
  expect(own).toMatchObject({ files: 1, bytes: FILE.size, known: expect.any(Boolean) });
  expect(own.limit).toBeUndefined();
});
