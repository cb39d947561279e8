import { expect, it, onTestFinished, vi } from "vitest";
import {
  createFiles,
  type FileListOptions,
  makeFileList,
  type RetryOptions,
} from "../../adapters/client/files/files.ts";
import { until } from "../support/until.ts";
import { first, network, type Seen, startUploads, TOKEN, type Trouble } from "./host.ts";

// The list behind `useFiles`, without a component.

const png = (name: string) => new File([name], name, { type: "image/png" });
const isList = ({ method, url }: Seen) => method === "GET" && /\/files(\?|$)/.test(url);
const isRemoval = ({ method }: Seen) => method === "DELETE";
const refused = () => Response.json({ code: "FORBIDDEN", title: "Refused" }, { status: 403 });
const addressOf = (name: string, folder = "files/2026/11") =>
  `https://uploads.example.com/api/v1/orgs/acme/${folder}/${name}`;

/** A file as the service lists it, by its name and the second at which it was stored. */
const entry = (name: string, second = 1, more: object = {}) => ({
  key: `orgs/acme/files/2026/11/${name}`,
  size: 1_500_000,
  content_type: "image/png",
  stored_at: new Date(second * 1000),
  file_url: addressOf(name),
  image_url: `https://images.example.com/1/${name}`,
  ...more,
});
const page = (files: ReadonlyArray<object>, next?: string) => Response.json({ files, next });

/** A list that a component shows, of somebody who may do everything and has uploaded files. */
async function startList(options: FileListOptions = {}, trouble?: Trouble, names: string = "") {
  const { client, address } = await startUploads({
    authenticate: () => ({ id: "mia", scopes: ["write", "confirm", "read", "list", "remove"] }),
  });
  for (const name of names.split(" ").filter(Boolean)) await client.upload(png(name));
  const seen = network(trouble);
  const connect = (retry: RetryOptions = { shouldRetry: () => false }) =>
    createFiles({ endpoint: address, organization: "acme", token: TOKEN, retry });
  const files = connect();
  const list = makeFileList(files, options);
  const settled = () => until("the files", () => list.read().status !== "loading");
  return {
    client,
    address,
    files,
    list,
    seen,
    connect,
    settled,
    row: (at: number) => list.read().files[at] ?? expect.fail(`there is no row ${at}`),
    names: () => list.read().files.map(({ name }) => name),
    statuses: () => list.read().files.map(({ status }) => status),
    show: async () => {
      const leave = list.subscribe(() => undefined);
      onTestFinished(leave);
      await settled();
      return leave;
    },
  };
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
  const date = new Date().toLocaleDateString([], { dateStyle: "medium" });
  const file = { key, fileUrl, storedAt: expect.any(Date) };
  expect(row(0)).toMatchObject({ id: key, file, size: "5 B", date, extension: "png" });
});

it("a list that fails says why, and is tried again when asked", async () => {
  const { list, show, seen } = await startList({}, first(2, isList, refused), "a.png");
  await show();
  const text = "The files could not be loaded.";
  expect(list.read()).toMatchObject({ status: "failed", text, spoken: text, files: [] });
  const { button, error } = list.read();
  expect([button?.label, error?.code]).toEqual(["Try again", "forbidden"]);
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
    first(1, isList, () => "lost"),
  );
  await show();
  expect(list.read().text).toBe("Check the network connection, then try again.");
  const said = new Set<string>();
  onTestFinished(list.subscribe(() => said.add(list.read().text)));
  network(first(2, isList, () => "lost"));
  list.use(connect({}), {});
  await settled();
  vi.stubGlobal("navigator", { onLine: false });
  list.use(connect({}), {});
  await until("the wait", () => said.size === 4);
  const waits = ["Loading", "Reconnecting", "No files yet", "Waiting for a connection"];
  expect([...said]).toEqual(waits);
});

it("a file is removed once its question is answered, and comes back where it was if it is not", async () => {
  const once = first(1, isRemoval, refused);
  const { list, row, show, seen, files, statuses } = await startList({}, once, "a b c");
  const leave = await show();
  const keys = list.read().files.map(({ id }) => id);
  const { id: second, name } = row(1);
  row(0).remove.act();
  row(1).remove.act();
  expect(statuses()).toEqual(["shown", "asking", "shown"]);
  row(1).question.keep.act();
  row(2).remove.act();
  row(2).remove.act();
  expect(statuses()).toEqual(["shown", "shown", "shown"]);
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
  for (const { question } of list.read().files) question.confirm.act();
  expect(list.read()).toMatchObject({ files: [], text: "No files yet" });
  // Who leaves has removed them nevertheless, and who closes the page.
  leave();
  await until("removals", () => seen.filter(isRemoval).length === 4);
  expect(seen.filter(({ keepalive }) => keepalive)).toEqual(seen.filter(isRemoval));
  await until("no files", async () => (await files.page()).files.length === 0);
});

it("pages are shown newest first below each other, each file once", async () => {
  const [a, b, c] = [entry("a", 1), entry("b", 3), entry("c", 2)];
  const answers = [
    page([], "a"),
    page([a, b, c], "c"),
    page([c, entry("d", 9)], "d"),
    page([entry("e")], "d"),
  ];
  const { list, show, seen, names } = await startList({}, () => answers.shift());
  await show();
  expect(names()).toEqual(["b", "c", "a"]);
  const loaded = list.read().button?.act?.();
  expect(list.read().button).toEqual({ label: "Show more" });
  await loaded;
  expect(names()).toEqual(["b", "c", "a", "d"]);
  await list.read().button?.act?.();
  expect(list.read()).toMatchObject({ status: "end", spoken: "Files: 5", button: undefined });
  const after = seen.map(({ url }) => new URL(url).searchParams.get("after"));
  expect(after).toEqual([null, "a", "c", "d"]);
});

it("answers to earlier options are dropped, and to nobody are not waited for", async () => {
  const { list, files, names, address } = await startList({ prefix: "2025" });
  const asked: Array<{ url: string; signal: AbortSignal; answer: (answer: Response) => void }> = [];
  vi.stubGlobal("fetch", async (url: string, { signal }: { readonly signal: AbortSignal }) => {
    // Uploads of tests that are over may still be tried again.
    if (!url.startsWith(address)) throw new TypeError("fetch failed");
    const { promise, resolve: answer } = Promise.withResolvers<Response>();
    asked.push({ url, signal, answer });
    return promise;
  });
  const leave = list.subscribe(() => undefined);
  await until("a request", () => asked.length === 1);
  const asks = { prefix: "2026", mine: true, details: undefined, width: 64, limit: 2 };
  const options = { ...asks, words: { empty: "Leer" } };
  list.use(files, options);
  list.use(files, { ...options });
  await until("another request", () => asked.length === 2);
  asked[1]?.answer(page([entry("new.png")]));
  await until("the files", () => list.read().status === "end");
  asked[0]?.answer(page([entry("old.png")]));
  const query = "?prefix=2026&mine=true&details=true&width=64&limit=2";
  expect(new URL(asked[1]?.url ?? "").search).toBe(query);
  list.use(files, {});
  await until("a third request", () => asked.length === 3);
  expect(names()).toEqual([]);
  asked[2]?.answer(page([entry("a.png")], "a"));
  await until("the files", () => list.read().status === "more");
  void list.read().button?.act?.();
  await until("the next page", () => asked.length === 4);
  leave();
  expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true, true, true]);
  list.use(files, options);
  expect(names()).toEqual(["a.png"]);
});

it("a file that was uploaded comes on top, once, with its name and picture", async () => {
  const url = "https://images.example.com/new";
  const { list, client, show, row, names } = await startList({ width: 64 }, (request) =>
    isList(request)
      ? page([entry("a.png")])
      : request.url.endsWith(".png?width=64")
        ? Response.json({ url })
        : undefined,
  );
  await show();
  const { add } = list.read();
  add(await client.upload(png("b.png")));
  expect(row(0)).toMatchObject({ name: "b.png", size: "5 B", thumbnail: undefined });
  expect(list.read().spoken).toBe("Files: 2");
  await until("its picture", () => row(0).thumbnail === url);
  const again = await client.upload(png("c.png"));
  add(again);
  add(again);
  expect(names()).toEqual(["c.png", "b.png", "a.png"]);
  expect(list.read().spoken).toBe("Files: 3");
  expect(list.read().add).toBe(add);
});

it("a picture whose address has expired is asked for again, and not in a loop", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const url = "https://images.example.com/2/a.png";
  const answers = [page([entry("a.png")]), Response.json({ url }), refused()];
  const { show, row, seen } = await startList({ width: 64 }, () => answers.shift());
  await show();
  expect(row(0).thumbnail).toBe("https://images.example.com/1/a.png");
  row(0).onThumbnailError();
  // The `<img>` goes meanwhile, so that it loads the same address anew.
  expect(row(0).thumbnail).toBeUndefined();
  await until("another address", () => row(0).thumbnail === url);
  row(0).onThumbnailError();
  expect([row(0).thumbnail, seen.length]).toEqual([undefined, 2]);
  vi.advanceTimersByTime(60_000);
  row(0).onThumbnailError();
  await until("a refusal", () => answers.length === 0);
  expect(seen.slice(1).map(({ action }) => action)).toEqual(
    Array(2).fill("2026/11/a.png?width=64"),
  );
  expect(row(0).thumbnail).toBeUndefined();
});

/** What a browser has, as far as rows use it; returns what happens to it. */
function browser() {
  const happened: Array<string> = [];
  const tab = {
    opener: "the page" as unknown,
    location: { replace: (url: string) => happened.push(`${tab.opener}: ${url}`) },
    close: () => happened.push("closed"),
  };
  const here = {
    open: (): typeof tab | null => tab,
    location: { replace: (url: string) => happened.push(`here: ${url}`) },
  };
  vi.stubGlobal("window", here);
  const writeText = async (text: string) => void happened.push(text);
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  return { happened, here };
}

it("a file is opened in a tab that cannot reach the page, or downloaded", async () => {
  const { happened, here } = browser();
  const svg = entry("b.svg", 1, { content_type: "image/svg+xml" });
  const answers = [
    page([entry("a.png", 2), svg]),
    Response.json({ url: "https://store.example.com/a.png" }),
    Response.json({ url: "https://store.example.com/b.svg" }),
    refused(),
  ];
  const { show, row, seen } = await startList({}, () => answers.shift());
  await show();
  const labels = [row(0).open.label, row(1).open.label];
  expect(labels).toEqual(["Open in a new tab: a.png", "Download b.svg"]);
  for (const [count, at] of [0, 1, 0].entries()) {
    row(at).open.act();
    await until("the file", () => happened.length > count);
  }
  expect(happened).toEqual([
    "null: https://store.example.com/a.png",
    "here: https://store.example.com/b.svg",
    "closed",
  ]);
  expect(seen[2]?.url).toMatch(/b\.svg\?download$/);
  expect(row(0)).toMatchObject({ status: "failed", text: "The file could not be opened." });
  here.open = () => null;
  row(0).open.act();
  expect(row(0).text).toMatch(/^Your browser blocked/);
});

it("a link is copied: the public one, that of members, or the page's own", async () => {
  const { happened } = browser();
  const found = [entry("a", 2), entry("b", 1, { public_url: "https://cdn.example.com/b" })];
  const { list, files, show, row, statuses } = await startList({}, () => page(found));
  await show();
  const labels = [row(0).copy.label, row(1).copy.label];
  expect(labels).toEqual(["Copy the link for members: a", "Copy the public link: b"]);
  const { icon } = row(0).copy;
  row(0).copy.act();
  await until("the link", () => row(0).status === "copied");
  expect([row(0).text, list.read().spoken]).toEqual(["Link copied", "a: Link copied"]);
  expect(row(0).copy.icon).not.toBe(icon);
  row(1).copy.act();
  await until("the other link", () => row(1).status === "copied");
  expect(statuses()).toEqual(["shown", "copied"]);
  list.use(files, { link: ({ key }) => `/attachments/${key}` });
  row(0).copy.act();
  await until("the link", () => row(0).status === "copied");
  expect(row(0).copy.label).toBe("Copy the link: a");
  expect(happened).toEqual([
    addressOf("a"),
    "https://cdn.example.com/b",
    "/attachments/orgs/acme/files/2026/11/a",
  ]);
  vi.stubGlobal("navigator", {});
  row(0).copy.act();
  await until("the failure", () => row(0).status === "failed");
  expect(row(0).text).toBe("The link could not be copied.");
});

it("a row has the best name, in words of another language, and a date in that of the page", async () => {
  const documentElement = { lang: "de" };
  vi.stubGlobal("document", { documentElement });
  const stored = { filename: "b.png", stored_at: "2026-11-24T12:00:00.000Z" };
  const named = [entry("a", 9, stored), entry("b", 8, { ...stored, path: "holidays/b.png" })];
  const words = { remove: "Entfernen:", failed: () => "Nein", question: "Wirklich?" };
  const { show, row, names } = await startList({ words }, () => page(named));
  const leave = await show();
  expect(names()).toEqual(["b.png", "holidays/b.png"]);
  expect(row(0)).toMatchObject({
    date: "24.11.2026",
    remove: { label: "Entfernen: b.png" },
    question: { text: "Wirklich?", confirm: { text: "Entfernen:" }, keep: { label: "Keep b.png" } },
  });
  leave();
  documentElement.lang = "not a language";
  await show();
  expect(row(0).date).toMatch(/2026/);
});
