import { isError } from "../values/thrown.ts";
import type { ValetkeyError } from "./operations.ts";

export type * from "./call-context.ts";
export { createValetkey } from "./create.ts";
export type { ChecksumAlgorithm, Events, SharedCount, Storage } from "./opaque.ts";
export type * from "./operations.ts";
export type * from "./valetkey.ts";
export type * from "./valetkey-options.ts";

/** True if the error is a refusal, rather than a failure. */
export const isValetkeyError = (error: unknown): error is ValetkeyError =>
  isError(error) && error.name === "ValetkeyError" && "code" in error;
