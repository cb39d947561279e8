import { expect, it, vi } from "vitest";
import { UploadError } from "../../adapters/client/errors.ts";
import { noteAnswer, unanswered } from "../../adapters/client/reach.ts";

/** A page, whose probes these addresses answer; returns the addresses that were probed. */
function page(...answering: ReadonlyArray<string>): ReadonlyArray<string> {
  vi.stubGlobal("document", {});
  vi.stubGlobal("location", new URL("https://page.test/a"));
  const probed: Array<string> = [];
  vi.stubGlobal("fetch", async (url: string) => {
    probed.push(url);
    if (!answering.includes(url)) throw new TypeError("fetch failed");
    return new Response();
  });
  return probed;
}

/** A service and a store that no test before has asked. */
function addresses() {
  const name = crypto.randomUUID();
  const [service, store] = [`https://service-${name}.test`, `https://store-${name}.test`] as const;
  const verdict = async (silence: number, isLast = false) => {
    const failure = unanswered(service, `${store}/a?signature`);
    const error = await failure.verdict({ attempt: 1, silence, isLast });
    expect(error === undefined || error instanceof UploadError).toBe(true);
    return error?.code;
  };
  return { service, store, healthz: `${service}/healthz`, verdict };
}

it("a store that answers probes alone lacks a rule for the page, after 45 seconds and two probes", async () => {
  const { store, healthz, verdict } = addresses();
  const probed = page(store, healthz);
  expect([await verdict(44_999), probed]).toEqual([undefined, []]);
  expect([await verdict(45_000), probed.includes(store)]).toEqual([undefined, true]);
  expect(await verdict(46_000)).toBe("cors");
});

it("a store is not blamed while the page cannot read that the service is there", async () => {
  const { store, healthz, verdict } = addresses();
  page(store);
  for (let times = 0; times < 3; times += 1) expect(await verdict(60_000)).toBeUndefined();
  page(store, healthz);
  expect(await verdict(60_000)).toBeUndefined();
  expect(await verdict(60_000)).toBe("cors");
});

it("the last attempt says at once which of them does not answer, or that the page has no permission", async () => {
  for (const [isServiceThere, isStoreThere, code] of [
    [true, true, "cors"],
    [true, false, "unreachable"],
    [false, false, "offline"],
  ] as const) {
    const { store, healthz, verdict } = addresses();
    page(...(isServiceThere ? [healthz] : []), ...(isStoreThere ? [store] : []));
    expect(await verdict(0, true)).toBe(code);
  }
});

it("a store that has answered the page, or has its origin, is not blamed for its rules", async () => {
  const known = addresses();
  noteAnswer(known.store);
  const probed = page(known.store, known.healthz);
  expect([await known.verdict(60_000), probed]).toEqual([undefined, []]);
  expect(await known.verdict(60_000, true)).toBe("unreachable");
  const own = addresses();
  page(own.store, own.healthz);
  vi.stubGlobal("location", new URL(own.store));
  expect(await own.verdict(60_000)).toBeUndefined();
});
