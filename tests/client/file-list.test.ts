import { expect, it, onTestFinished, vi } from "vitest";
import {
  createFiles,
  type FileListOptions,
  makeFileList,
  type RetryOptions,
} from "../../adapters/client/files/files.ts";
import type { ValetkeyOptions } from "../../adapters/embed/index.ts";
import { until } from "../support/until.ts";
import { first, network, type Seen, startUploads, TOKEN, type Trouble } from "./host.ts";

// The list behind `useFiles`, without a component.

const png = (name: string) => new File([name], name, { type: "image/png" });
const isList = ({ method, url }: Seen) => method === "GET" && /\/files(\?|$)/.test(url);
const isRemoval = ({ method }: Seen) => method === "DELETE";
const refusal = (status: number, code: string) =>
  Response.json({ code, title: "Refused" }, { status });

/** A list that a component shows, of somebody who may do everything. */
async function startList(
  options: FileListOptions = {},
  {
    trouble,
    names = [],
    host,
  }: {
    readonly trouble?: Trouble;
    readonly names?: ReadonlyArray<string>;
    readonly host?: Partial<ValetkeyOptions>;
  } = {},
) {
  const { client, address } = await startUploads({
    authenticate: () => ({ id: "mia", scopes: ["write", "confirm", "read", "list", "remove"] }),
    ...host,
  });
  for (const name of names) await client.upload(png(name));
  const seen = network(trouble);
  const connect = (retry: RetryOptions = { shouldRetry: () => false }) =>
    createFiles({ endpoint: address, organization: "acme", token: TOKEN, retry });
  const files = connect();
  const list = makeFileList(files, options);
  const row = (at: number) => list.read().files[at] ?? expect.fail(`there is no row ${at}`);
  const settled = () => until("the files", () => list.read().status !== "loading");
  const show = async () => {
    const leave = list.subscribe(() => undefined);
    onTestFinished(leave);
    await settled();
    return leave;
  };
  return { client, files, list, seen, row, show, settled, connect };
}

it("a list tells that it loads, what is there, and when there is nothing", async () => {
  const { list, client, show, row } = await startList();
  expect(list.read()).toMatchObject({ status: "loading", text: "Loading", files: [] });
  const leave = await show();
  expect(list.read()).toMatchObject({ status: "end", text: "No files yet", spoken: "Files: 0" });
  leave();
  const { key, fileUrl } = await client.upload(png("a.png"));
  await show();
  expect(list.read()).toMatchObject({ status: "end", text: "", spoken: "Files: 1" });
  expect(list.read().button).toBeUndefined();
  const today = new Date().toLocaleDateString([], { dateStyle: "medium" });
  expect(row(0)).toMatchObject({
    id: key,
    file: { key, fileUrl, storedAt: expect.any(Date) },
    size: "5 B",
    date: today,
    extension: "png",
    status: "shown",
  });
});

it("a list that fails says why, and is tried again when asked", async () => {
  const { list, show, seen } = await startList(
    {},
    {
      trouble: first(2, isList, () => refusal(403, "FORBIDDEN")),
      names: ["a.png"],
    },
  );
  await show();
  const failed = "The files could not be loaded.";
  expect(list.read()).toMatchObject({ status: "failed", text: failed, spoken: failed, files: [] });
  expect(list.read().error?.code).toBe("forbidden");
  const { button } = list.read();
  expect(button?.label).toBe("Try again");
  await button?.act?.();
  expect(list.read().status).toBe("failed");
  // Asked twice at once, it loads one page.
  await Promise.all([button?.act?.(), button?.act?.()]);
  expect(list.read()).toMatchObject({ status: "end", text: "", error: undefined });
  expect([list.read().files.length, seen.filter(isList).length]).toEqual([1, 3]);
});

it("a list says what it waits for", async () => {
  const { list, connect, show, settled } = await startList(
    {},
    { trouble: first(1, isList, () => "lost"), names: ["a.png"] },
  );
  await show();
  expect(list.read().text).toBe("Check the network connection, then try again.");
  const said: Array<string> = [];
  network(first(2, isList, () => "lost"));
  list.subscribe(() => said.push(list.read().text));
  list.use(connect({}), {});
  await settled();
  expect(said).toEqual(["Loading", "Reconnecting", "Reconnecting", ""]);
});

it("a file is removed once its question is answered, and comes back where it was if it is not", async () => {
  const { list, row, show, seen, files } = await startList(
    {},
    {
      trouble: first(1, isRemoval, () => refusal(403, "FORBIDDEN")),
      names: ["a.png", "b.png", "c.png"],
    },
  );
  await show();
  const keys = list.read().files.map(({ id }) => id);
  const [, second = expect.fail("there are no files")] = keys;
  row(0).remove.act();
  row(1).remove.act();
  expect(list.read().files.map(({ status }) => status)).toEqual(["shown", "asking", "shown"]);
  row(1).question.keep.act();
  row(2).remove.act();
  row(2).remove.act();
  expect(list.read().files.map(({ status }) => status)).toEqual(["shown", "shown", "shown"]);
  row(1).remove.act();
  const name = row(1).name;
  row(1).question.confirm.act();
  // Before the service has answered.
  expect(list.read().files.map(({ id }) => id)).toEqual(keys.filter((key) => key !== second));
  expect(list.read().spoken).toBe(`${name}: Removed`);
  await until("the file to come back", () => list.read().files.length === 3);
  const text = "The file could not be removed.";
  expect(row(1)).toMatchObject({ id: second, status: "failed", text });
  expect(list.read().spoken).toBe(`${name}: ${text}`);
  row(1).remove.act();
  expect(row(1)).toMatchObject({ status: "asking", text: "" });
  const leave = list.subscribe(() => undefined);
  for (const { question } of list.read().files) question.confirm.act();
  expect(list.read()).toMatchObject({ files: [], text: "No files yet" });
  // Who leaves has removed them nevertheless.
  leave();
  await until("removals", () => seen.filter(isRemoval).length === 4);
  await until("no files", async () => (await files.page()).files.length === 0);
});

/** A page of the service, of files by their names and the seconds at which they were stored. */
const page = (files: Readonly<Record<string, number>>, more: object = {}) =>
  Response.json({
    files: Object.entries(files).map(([name, second]) => ({
      key: `orgs/acme/files/2026/11/${name}`,
      size: 1,
      stored_at: new Date(second * 1000),
      file_url: `https://uploads.example.com/api/v1/orgs/acme/files/2026/11/${name}`,
      content_type: "image/png",
      image_url: `https://images.example.com/1/${name}`,
    })),
    ...more,
  });

it("pages are shown newest first below each other, each file once", async () => {
  const answers = [
    page({}, { next: "a" }),
    page({ "a.png": 1, "b.png": 3, "c.png": 2 }, { next: "c" }),
    page({ "c.png": 2, "d.png": 9 }, { next: "d" }),
    page({ "e.png": 1 }, { next: "d" }),
  ];
  const { list, show, seen } = await startList({}, { trouble: () => answers.shift() });
  await show();
  const names = () => list.read().files.map(({ name }) => name);
  expect(names()).toEqual(["b.png", "c.png", "a.png"]);
  const { button } = list.read();
  expect(button?.label).toBe("Show more");
  const loaded = button?.act?.();
  expect(list.read().button).toEqual({ label: "Show more" });
  await loaded;
  expect(names()).toEqual(["b.png", "c.png", "a.png", "d.png"]);
  await list.read().button?.act?.();
  expect(list.read()).toMatchObject({ status: "end", spoken: "Files: 5", button: undefined });
  const after = seen.map(({ url }) => new URL(url).searchParams.get("after"));
  expect(after).toEqual([null, "a", "c", "d"]);
});

it("answers to earlier options are dropped, and to nobody are not waited for", async () => {
  const asked: Array<{ readonly url: string; readonly answer: (response: Response) => void }> = [];
  const { list, files, seen } = await startList({ prefix: "2025" });
  const signals: Array<AbortSignal> = [];
  vi.stubGlobal(
    "fetch",
    (url: string, { signal }: { readonly signal: AbortSignal }) =>
      new Promise<Response>((answer) => {
        signals.push(signal);
        asked.push({ url, answer });
      }),
  );
  const leave = list.subscribe(() => undefined);
  await until("a request", () => asked.length === 1);
  const options = { prefix: "2026", mine: true, width: 64, limit: 2, words: { empty: "Leer" } };
  list.use(files, options);
  list.use(files, { ...options });
  await until("another request", () => asked.length === 2);
  asked[1]?.answer(page({ "new.png": 1 }));
  await until("the files", () => list.read().status === "end");
  asked[0]?.answer(page({ "old.png": 1 }));
  expect(new URL(asked[1]?.url ?? "").search).toBe(
    "?prefix=2026&mine=true&details=true&width=64&limit=2",
  );
  list.use(files, {});
  await until("a third request", () => asked.length === 3);
  leave();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  list.use(files, options);
  expect([asked.length, seen.length, list.read().files]).toEqual([3, 0, []]);
});

it("a file that was uploaded comes on top, once, with its name and picture", async () => {
  const { list, client, show, row } = await startList(
    { width: 64 },
    {
      trouble: (request) =>
        isList(request)
          ? page({ "a.png": 1 })
          : request.url.endsWith(".png?width=64")
            ? Response.json({ url: "https://images.example.com/new" })
            : undefined,
    },
  );
  await show();
  const { add } = list.read();
  add(await client.upload(png("b.png")));
  expect(row(0)).toMatchObject({ name: "b.png", size: "5 B", thumbnail: undefined });
  await until("its picture", () => row(0).thumbnail === "https://images.example.com/new");
  const again = await client.upload(png("c.png"));
  add(again);
  add(again);
  expect(
    list
      .read()
      .files.map(({ name }) => name)
      .slice(0, 2),
  ).toEqual(["c.png", "b.png"]);
  expect([list.read().files.length, list.read().add === add]).toEqual([3, true]);
});

it("a picture whose address has expired is asked for again, and not in a loop", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  let isThere = true;
  const { show, row, seen } = await startList(
    { width: 64 },
    {
      trouble: (request) =>
        isList(request)
          ? page({ "a.png": 1 })
          : isThere
            ? Response.json({ url: "https://images.example.com/2/a.png" })
            : refusal(400, "INVALID_REQUEST"),
    },
  );
  await show();
  const asked = () => seen.filter(({ url }) => url.endsWith("/2026/11/a.png?width=64")).length;
  expect(row(0).thumbnail).toBe("https://images.example.com/1/a.png");
  row(0).onThumbnailError();
  // The `<img>` goes meanwhile, so that it loads the same address anew.
  expect(row(0).thumbnail).toBeUndefined();
  await until("another address", () => row(0).thumbnail === "https://images.example.com/2/a.png");
  row(0).onThumbnailError();
  expect([row(0).thumbnail, asked()]).toEqual([undefined, 1]);
  vi.advanceTimersByTime(60_000);
  isThere = false;
  row(0).onThumbnailError();
  await until("an answer", () => asked() === 2);
  expect(row(0).thumbnail).toBeUndefined();
});

/** What a browser has, as far as rows use it. */
function browser(tab: object | null) {
  const copied: Array<string> = [];
  const left: Array<string> = [];
  const window = { open: () => tab, location: { replace: (url: string) => left.push(url) } };
  vi.stubGlobal("window", window);
  vi.stubGlobal("navigator", {
    clipboard: { writeText: async (text: string) => void copied.push(text) },
  });
  return { copied, left };
}

it("a file is opened in a tab that cannot reach the page, or downloaded", async () => {
  const led: Array<string> = [];
  const tab = {
    opener: "the page" as unknown,
    location: { replace: (url: string) => led.push(url) },
    close: () => led.push("closed"),
  };
  const { left } = browser(tab);
  let isThere = true;
  const { list, show, row, client } = await startList(
    {},
    {
      trouble: ({ url }) =>
        !/\/api\/.*\.png\?/.test(url)
          ? undefined
          : isThere
            ? Response.json({ url: `https://store.example.com/${new URL(url).search}` })
            : refusal(404, "ORGANIZATION_NOT_FOUND"),
    },
  );
  await show();
  list.read().add(await client.upload(png("a.png")));
  list.read().add({ ...(await client.upload(png("b"))), contentType: "application/pdf" });
  expect([row(0).open.label, row(1).open.label]).toEqual([
    "Download b",
    "Open in a new tab: a.png",
  ]);
  row(1).open.act();
  expect(tab.opener).toBeNull();
  await until("the tab", () => led.length === 1);
  row(0).open.act();
  await until("the download", () => left.length === 1);
  isThere = false;
  row(1).open.act();
  await until("the tab's end", () => led.length === 2);
  expect([led, left]).toEqual([
    ["https://store.example.com/", "closed"],
    ["https://store.example.com/?download"],
  ]);
  expect(row(1)).toMatchObject({ status: "failed", text: "The file could not be opened." });
  browser(null);
  row(1).open.act();
  expect(row(1).text).toMatch(/^Your browser blocked/);
});

it("a link is copied: the public one, that of members, or the page's own", async () => {
  const { copied } = browser(null);
  const { list, files, show, row } = await startList();
  network(() => page({ "a.png": 1 }));
  await show();
  const { fileUrl } = row(0).file;
  expect(row(0).copy.label).toBe("Copy the link for members: a.png");
  const { icon } = row(0).copy;
  row(0).copy.act();
  await until("the link", () => row(0).status === "copied");
  expect(row(0)).toMatchObject({ text: "Link copied" });
  expect([row(0).copy.icon === icon, list.read().spoken]).toEqual([false, "a.png: Link copied"]);
  list.use(files, { link: ({ key }) => `/attachments/${key}` });
  vi.stubGlobal("navigator", {});
  row(0).copy.act();
  await until("the failure", () => row(0).status === "failed");
  expect(row(0)).toMatchObject({
    text: "The link could not be copied.",
    copy: { label: "Copy the link: a.png" },
  });
  const again = browser(null);
  row(0).copy.act();
  await until("the link", () => row(0).status === "copied");
  expect([copied, again.copied]).toEqual([
    [fileUrl],
    ["/attachments/orgs/acme/files/2026/11/a.png"],
  ]);
});

it("a row is in words of another language, and dates are in that of the page", async () => {
  vi.stubGlobal("document", { documentElement: { lang: "de" } });
  const words = {
    empty: "Leer",
    remove: "Entfernen:",
    copy: { public: "A", members: "B", link: "C" },
  };
  const { show, row, list, files } = await startList({ words });
  await show();
  expect(list.read().text).toBe("Leer");
  const shown = (more: object) => Response.json({ files: [{ ...FILE, ...more }] });
  const FILE = {
    key: "orgs/acme/public/2026/11/a.png",
    size: 1_500_000,
    content_type: "image/png",
    stored_at: "2026-11-24T12:00:00.000Z",
    file_url: "https://uploads.example.com/a.png",
  };
  const answers = [shown({ filename: "a b.png", public_url: "https://cdn.example.com/a.png" })];
  network(() => answers.shift() ?? shown({ filename: "b.png", path: "holidays/b.png" }));
  list.use(files, { words, prefix: "public" });
  await until("the file", () => list.read().files.length === 1);
  expect(row(0)).toMatchObject({
    name: "a b.png",
    date: "24.11.2026",
    remove: { label: "Entfernen: a b.png" },
    copy: { label: "A a b.png" },
    question: { text: "Remove this file for good?", confirm: { text: "Entfernen:" } },
  });
  vi.stubGlobal("document", { documentElement: { lang: "not a language" } });
  list.use(files, { words });
  await until("the file", () => list.read().files[0]?.name === "holidays/b.png");
  expect(row(0).date).toMatch(/2026/);
});
