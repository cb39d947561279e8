import { expect, it, onTestFinished, vi } from "vitest";

it("a body that stops is given up after ten seconds, also once no other is waited for", async () => {
  // Those of other tests may still be waited for in the module that is loaded.
  vi.resetModules();
  const { readJson } = await import("../../../adapters/http/operations/request-body.ts");
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  for (let round = 0; round < 2; round++) {
    const outcomes: Array<unknown> = [];
    const { promise: isClosed, reject: close } = Promise.withResolvers<void>();
    const body = new ReadableStream({ pull: () => isClosed });
    const init = { method: "POST", body, duplex: "half" };
    const request = new Request("http://localhost/", init as RequestInit);
    void readJson(request, 100, { isTyped: false }).then((outcome) => outcomes.push(outcome));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(outcomes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(outcomes).toMatchObject([{ failure: { _tag: "RequestTimeout", seconds: 10 } }]);
    close(new Error("the connection was closed"));
    // The stream may hear of it only after the next tick of the clock.
    await vi.advanceTimersByTimeAsync(2000);
    expect(vi.getTimerCount()).toBe(0);
  }
});
