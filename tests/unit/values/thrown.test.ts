import { expect, it } from "vitest";
import { runInNewContext } from "node:vm";
import { errorCode, isError, errorMessage } from "../../../adapters/values/thrown.ts";
import { isValetkeyError } from "../../../adapters/embed/index.ts";

/** As Jest makes one for each file of tests. */
const foreign = (code: string): unknown => runInNewContext(code);

it("an error of another realm is an error, with its message and its code", () => {
  const error = foreign(`Object.assign(new TypeError("it is there"), { code: "EEXIST" })`);
  expect(error).not.toBeInstanceOf(Error);
  expect([isError(error), errorMessage(error), errorCode(error)]).toEqual([
    true,
    "it is there",
    "EEXIST",
  ]);
  expect(isValetkeyError(error)).toBe(false);
  const refused = foreign(
    `Object.assign(new Error("no"), { name: "ValetkeyError", code: "FORBIDDEN" })`,
  );
  expect(isValetkeyError(refused)).toBe(true);
});

it("a thrown value that is not an error is its own message, and has no code", () => {
  for (const thrown of ["EEXIST", undefined, null, 7]) {
    expect([isError(thrown), errorMessage(thrown), errorCode(thrown)]).toEqual([
      false,
      String(thrown),
      undefined,
    ]);
  }
});
