import { expect, it, onTestFinished, vi } from "vitest";
import { createClient, type UploadError } from "../../adapters/client/client.ts";
import { makeUploadList, type UploadsOptions } from "../../adapters/client/uploads/upload-list.ts";
import { until } from "../support/until.ts";
import { isPut, network, startUploads, TOKEN } from "./host.ts";

// The list behind `useUploads`, without a component.

const text = (name: string, type = "") => new File(["text"], name, { type });
const note = (file: Blob) => ({ note: `of ${(file as File).name}` });
const at = (name: string, content: string, lastModified: number) =>
  new File([content], name, { type: "image/png", lastModified });
const image = (name: string, content = name) => new File([content], name, { type: "image/png" });

type Host = Parameters<typeof startUploads>[0];

/** A list that a component shows, once it knows the policy. */
async function startList(options: UploadsOptions<{ id: number }> = {}, host: Host = {}) {
  const { address } = await startUploads({ onConfirmed: ({ size }) => ({ id: size }), ...host });
  const client = createClient<{ id: number }>({
    endpoint: address,
    organization: "acme",
    token: TOKEN,
  });
  const list = makeUploadList(client, options);
  const leave = list.subscribe(() => undefined);
  onTestFinished(leave);
  await until("the policy", () => list.read().accept !== undefined);
  const seen = network();
  const count = (...actions: ReadonlyArray<string>) =>
    actions.map((action) => seen.filter((request) => request.action === action).length);
  const statuses = () => list.read().uploads.map(({ status }) => status);
  const ended = () => until("the end", () => statuses().every((one) => /done|failed/.test(one)));
  return { list, client, leave, seen, count, statuses, ended };
}

it("a hundred files are granted by two requests, each with metadata of its own", async () => {
  const { list, count, ended } = await startList({ metadata: note });
  list.read().add(Array.from({ length: 100 }, (_, index) => image(`${index}.png`)));
  await ended();
  const notes = list.read().uploads.map(({ result }) => result?.metadata?.["note"]);
  expect(notes).toEqual(Array.from({ length: 100 }, (_, index) => `of ${index}.png`));
  expect(count("batch", "presign")).toEqual([2, 0]);
});

it("a list tells the progress of all files, of each, and which is done", async () => {
  const onProgress = vi.fn();
  const onFileProgress = vi.fn();
  const onDone = vi.fn();
  const { list, ended } = await startList({ onProgress, onFileProgress, onDone });
  const [a, b] = [image("a.png", "a"), image("b.png", "four")];
  list.read().add([a, b]);
  await ended();
  const all = { sent: 5, total: 5, percent: 100 };
  expect(list.read().progress).toEqual(all);
  expect(onProgress).toHaveBeenLastCalledWith(all);
  expect(onFileProgress).toHaveBeenCalledWith(a, expect.objectContaining({ sent: 1 }));
  const done = onDone.mock.calls.map(([{ serverData }, file]) => [serverData.id, file]);
  expect(done.toSorted()).toEqual([
    [1, a],
    [4, b],
  ]);
});

it("a list of many files reports several changes at once, and the last one", async () => {
  const { list, ended } = await startList();
  let done = 0;
  const isDone = () => list.read().uploads.filter(({ status }) => status === "done").length;
  const report = vi.fn(() => (done = isDone()));
  onTestFinished(list.subscribe(report));
  report.mockClear();
  list.read().add(Array.from({ length: 150 }, (_, index) => image(`${index}.png`)));
  expect(report).toHaveBeenCalledTimes(1);
  await ended();
  await until("the last report", () => done === 150);
});

it("files that wait for their form are sent by start(), and cancel() leaves what is done", async () => {
  const { list, seen, statuses, ended } = await startList({ autoStart: false });
  const { add, start, cancel } = list.read();
  add([image("a.png")]);
  add([image("b.png")]);
  expect(statuses()).toEqual(["queued", "queued"]);
  expect(seen).toEqual([]);
  start();
  expect(statuses()).toEqual(["uploading", "uploading"]);
  await ended();
  add([image("c.png"), image("d.png")]);
  start();
  add([image("e.png")]);
  cancel();
  expect(statuses()).toEqual(["done", "done"]);
  await until("requests", () => seen.length > 0);
  expect(list.read()).toMatchObject({ add, start, cancel, progress: { percent: 100 } });
});

it("a file that the policy refuses is not asked for until it is tried again", async () => {
  const policy = { maxSize: 5, allowedTypes: ["image/*", "text/plain"] } as const;
  const { list, client, count, statuses, ended } = await startList({}, { policy });
  expect(list.read().accept).toMatch(/^image\/\*,text\/plain,.*\.png/);
  list
    .read()
    .add([
      image("a.png", "6bytes"),
      text("b.html", "text/html"),
      text("unknown"),
      text("c.TXT"),
      text("d", "TEXT/plain; charset=utf-8"),
    ]);
  expect(statuses()).toEqual(["failed", "failed", "failed", "uploading", "uploading"]);
  const [large, page] = list.read().uploads;
  expect(large?.error).toMatchObject({ code: "refused", limit: 5 });
  expect(page?.error?.userMessage).toBe(
    "Files of this type are not accepted: choose any image, text.",
  );
  await ended();
  expect(count("batch")).toEqual([1]);
  list.use(client, { autoStart: false });
  list.read().add([image("f.png")]);
  page?.retry();
  page?.retry();
  expect(statuses().filter((status) => /uploading|queued/.test(status))).toEqual([
    "uploading",
    "queued",
  ]);
  list.read().uploads.at(-1)?.remove();
  await ended();
  expect(count("batch")).toEqual([2]);
  expect(list.read().uploads[1]?.error?.status).toBe(415);
});

it("a file that is added twice is one, until it is removed or has failed", async () => {
  const { list, ended, count, statuses } = await startList();
  const same = () => at("a.png", "one", 1);
  list.read().add([same(), same(), at("a.png", "two", 2), at("a.png", "four", 1)]);
  list.read().add([same(), at("b.png", "one", 1)]);
  await ended();
  list.read().add([same()]);
  expect(statuses()).toEqual(Array(4).fill("done"));
  const blob = new Blob(["one"], { type: "image/png" });
  list.read().add([blob, blob, new Blob(["one"], { type: "image/png" })]);
  await ended();
  expect(statuses()).toHaveLength(6);

  list.read().uploads[0]?.remove();
  list.read().add([same()]);
  await ended();
  expect(list.read().uploads.at(-1)).toMatchObject({ name: "a.png", status: "done" });
  const confirmed = count("confirm");
  const refused = new File(["<p>"], "a.html", { type: "text/html", lastModified: 1 });
  for (const file of [refused, refused]) list.read().add([file]);
  expect(statuses().filter((status) => status === "failed")).toHaveLength(1);
  expect(count("confirm")).toEqual(confirmed);
});

it("options of the last render hold for what is added and called after it", async () => {
  const onDone = vi.fn();
  const { list, client, ended } = await startList(
    {},
    { policies: { texts: { allowedTypes: ["text/plain"] } } },
  );
  list.use(client, { policy: "texts", onDone });
  await until("the policy", () => list.read().accept?.startsWith("text/plain"));
  list.read().add([image("a.png"), new File(["text"], "b.txt")]);
  await ended();
  expect(onDone).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({ contentType: "text/plain" }),
    expect.anything(),
  );
});

it("a list that is no longer shown sends nothing more", async () => {
  const { list, leave, seen, ended } = await startList();
  list.read().add([image("a.png")]);
  leave();
  await ended();
  expect(list.read().uploads[0]?.error?.code).toBe("aborted");
  expect(seen.filter(isPut)).toEqual([]);
});

it("an upload that is paused as it ends is done", async () => {
  const { list, ended } = await startList();
  list.read().add([image("a.png")]);
  await ended();
  list.read().uploads[0]?.pause();
  expect(list.read().uploads[0]?.status).toBe("done");
});

it("a row is in words, of another language too, and its button does what it says", async () => {
  const { list, client, ended } = await startList({ autoStart: false });
  list.read().add([image("a.png", "abc"), text("b.html", "text/html")]);
  const row = (at: number) => list.read().uploads[at];
  expect(row(0)).toMatchObject({
    text: "Waiting",
    size: "3 B",
    button: { label: "Waiting: a.png" },
  });
  const refusal =
    "Files of this type are not accepted: choose PNG, JPEG, GIF, WEBP, AVIF, PDF, text.";
  expect(row(1)).toMatchObject({ spoken: refusal, button: { label: "Try again: b.html" } });
  const words = {
    done: "Fertig",
    pause: "Anhalten:",
    failed: ({ code }: UploadError) => `F: ${code}`,
  };
  list.use(client, { words });
  list.read().start();
  list.read().add([text("c.html", "text/html")]);
  expect(row(0)).toMatchObject({ text: "Uploading", button: { label: "Anhalten: a.png" } });
  expect(row(2)?.text).toBe("F: refused");
  const others = list.read().uploads.slice(1);
  row(0)?.button.act?.();
  // A row that stays the same is not drawn again.
  expect(
    list
      .read()
      .uploads.slice(1)
      .every((one, at) => one === others[at]),
  ).toBe(true);
  expect(row(0)).toMatchObject({ status: "paused", button: { label: "Resume a.png" } });
  row(0)?.button.act?.();
  await ended();
  expect(row(0)).toMatchObject({ spoken: "Fertig", button: { label: "Fertig: a.png" } });
  expect(row(0)?.button.act).toBeUndefined();
});

it("a row says what an upload waits for, and not once it has failed", async () => {
  const { list, ended } = await startList({ retry: { shouldRetry: ({ attempt }) => attempt < 3 } });
  network((seen) => (isPut(seen) ? "lost" : undefined));
  const said = new Set<string>();
  list.subscribe(() =>
    said.add(`${list.read().uploads[0]?.text} / ${list.read().uploads[0]?.spoken}`),
  );
  list.read().add([image("a.png")]);
  await ended();
  expect([...said]).toContain("Reconnecting / Uploading");
  expect(list.read().uploads[0]?.text).toBe(list.read().uploads[0]?.error?.userMessage);
});
