import { getEventListeners } from "node:events";
import { expect, it, vi } from "vitest";
import { awake, makeRun } from "../../adapters/client/run.ts";
import { makeSlots } from "../../adapters/client/slots.ts";
import { failure, isPut, network, startUploads } from "./host.ts";

// A page uses one signal, and is one window, for as long as it is open.

const FILE = new File(["a picture"], "photo.png", { type: "image/png" });
const listeners = ({ signal }: AbortController) => getEventListeners(signal, "abort").length;

it("no call of the client still listens to its signal once it has ended, well or badly", async () => {
  const { client } = await startUploads();
  const outer = new AbortController();
  const { signal } = outer;
  await client.policies(signal);
  expect(listeners(outer)).toBe(0);
  await client.upload(FILE, { signal });
  expect(listeners(outer)).toBe(0);
  await client.uploadAll([FILE, FILE], { signal });
  expect(listeners(outer)).toBe(0);
  network((seen) => (isPut(seen) ? new Response("", { status: 400 }) : undefined));
  const task = client.upload(FILE, { signal });
  expect(listeners(outer)).toBe(1);
  await failure(task);
  await client.uploadAll([FILE, FILE], { signal });
  expect(listeners(outer)).toBe(0);
});

it("no clock runs on once an upload has ended, well or badly", async () => {
  const made = vi.spyOn(globalThis, "setInterval");
  const cleared = vi.spyOn(globalThis, "clearInterval");
  const { client } = await startUploads();
  await client.upload(FILE);
  network((seen) => (isPut(seen) ? new Response("", { status: 400 }) : undefined));
  await failure(client.upload(FILE));
  const clocks = made.mock.results.filter((_, at) => made.mock.calls[at]?.[0] === awake);
  expect(clocks.length).toBeGreaterThan(0);
  const ended = new Set(cleared.mock.calls.map(([clock]) => clock));
  expect(clocks.filter(({ value }) => !ended.has(value))).toEqual([]);
});

it("an upload that waits for the network listens once, and no more once it has ended", async () => {
  const page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  const online = () => getEventListeners(page, "online").length;
  const run = makeRun();
  run.pause();
  const waits = Array.from({ length: 10 }, () => run.ready());
  expect(online()).toBe(1);
  run.resume();
  await Promise.all(waits);
  run.pause();
  const last = run.ready();
  vi.stubGlobal("navigator", { onLine: false });
  run.resume();
  vi.stubGlobal("navigator", { onLine: true });
  page.dispatchEvent(new Event("online"));
  await last;
  expect(online()).toBe(1);
  run.close();
  expect(online()).toBe(0);
});

it("an upload that waits for its turn listens once to a signal, however often another goes first", async () => {
  const slots = makeSlots(1);
  const waiting = new AbortController();
  const all = Array.from({ length: 20 }, () =>
    slots(new AbortController().signal, 0, async () => {}),
  );
  const last = slots(waiting.signal, 0, async () => "last");
  await Promise.all(all.slice(0, 10));
  expect(listeners(waiting)).toBe(1);
  expect(await last).toBe("last");
});
