import { afterEach, expect, it, vi } from "vitest";

afterEach(() => void vi.useRealTimers());

it("the timer of bodies that are read ends once none is", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  // The timer is one for the process, and another file's requests may have started theirs.
  vi.resetModules();
  const { PRESIGN, presignInit, startService } = await import("../http/service.ts");
  const { request, close } = await startService();
  const before = vi.getTimerCount();
  expect((await request(PRESIGN, presignInit())).status).toBe(200);
  expect(vi.getTimerCount()).toBe(before + 1);
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(before);
  await close();
});
