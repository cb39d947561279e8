import { expect, it, vi } from "vitest";
import { useFileState, type WatchedFile } from "../../adapters/client/react/use-file-state.ts";
import type { Files } from "../../adapters/client/files/files.ts";
import { UploadError } from "../../adapters/client/errors.ts";

// React's part in it: one state, and one effect, which ends before the next begins.
const react = vi.hoisted(() => ({
  state: undefined as unknown,
  depends: [] as ReadonlyArray<unknown>,
  end: undefined as (() => void) | undefined,
}));
vi.mock("react", () => ({
  useState: (first: unknown) => [
    (react.state ??= first),
    (next: unknown) => (react.state = next instanceof Function ? next(react.state) : next),
  ],
  useEffect: (begin: () => () => void, depends: ReadonlyArray<unknown>) => {
    if (depends.every((each, at) => each === react.depends[at])) return;
    react.end?.();
    react.depends = depends;
    react.end = begin();
  },
}));

it("a component shows the state of the key that it has now, and no error of an earlier one", async () => {
  const waits = new Map<
    string,
    Parameters<Files["whenReady"]>[1] & { fail: (error: Error) => void }
  >();
  const files = {
    whenReady: (key, options) =>
      new Promise((_, fail) => void waits.set(key, { ...options, fail })),
  } as Files;
  const shown = (key: string): WatchedFile => (
    useFileState(files, key),
    react.state as WatchedFile
  );
  expect(shown("a")).toEqual({});
  waits.get("a")?.onState?.("waiting");
  expect(shown("a")).toEqual({ state: "waiting" });
  expect(shown("b")).toEqual({});
  expect([waits.size, waits.get("a")?.signal?.aborted]).toEqual([2, true]);
  waits.get("a")?.fail(new UploadError("aborted", "It was aborted."));
  waits.get("b")?.onState?.("waiting");
  await new Promise(setImmediate);
  expect(shown("b")).toEqual({ state: "waiting" });
  const error = new UploadError("missing", "It is missing.");
  waits.get("b")?.fail(error);
  await new Promise(setImmediate);
  expect(shown("b")).toEqual({ state: "waiting", error });
  react.end?.();
  expect(waits.get("b")?.signal?.aborted).toBe(true);
});
