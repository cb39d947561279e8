export type * from "./call-context.ts";
export { createValetkey } from "./create.ts";
export { isValetkeyError, type MemberFault, type ValetkeyError } from "./errors.ts";
export type { ChecksumAlgorithm, Events, SharedCount, Storage } from "./opaque.ts";
export type * from "./operations.ts";
export type * from "./valetkey.ts";
export type * from "./valetkey-options.ts";
