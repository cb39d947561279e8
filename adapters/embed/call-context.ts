import type { WrittenSize } from "../../domain/byte-size.ts";

/** The caller. */
export interface Caller {
  /** The caller's stable name, such as a user's id: 1 to 256 printable characters. */
  readonly id: string;
  /** A user gets URLs for the public endpoint, a service for the internal; `"user"` if left out. */
  readonly kind?: "user" | "service" | undefined;
  /** The rights of the caller; to upload, open files and confirm uploads if left out. */
  readonly scopes?: ReadonlyArray<"write" | "read" | "confirm" | "list" | "remove"> | undefined;
  /** The bytes that its plan lets it be granted in one day (UTC): for it, in place of the limit of all. */
  readonly bytesPerDay?: WrittenSize | undefined;
}

/** The caller and the organization of a call. */
export interface CallContext {
  readonly caller: Caller;
  /** The organization's name, as `organizations` knows it. */
  readonly organization: string;
}
