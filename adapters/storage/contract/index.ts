// What every store of Valetkey promises, as tests for our adapters and for those of others.

import { address } from "./address.ts";
import { audience } from "./audience.ts";
import { checksum } from "./checksum.ts";
import { confirm } from "./confirm.ts";
import { exactSize } from "./exact-size.ts";
import { expiry } from "./expiry.ts";
import type { Harness } from "./harness.ts";
import { mediaType } from "./media-type.ts";
import { mismatch } from "./mismatch.ts";
import { multipart } from "./multipart.ts";
import { register } from "./register.ts";
import { response } from "./response.ts";
import { signature } from "./signature.ts";
import { storedAsSent } from "./stored-as-sent.ts";
import { unconfirmed } from "./unconfirmed.ts";
import { writeOnce } from "./write-once.ts";

export type { Ability, Harness, OpenStore } from "./harness.ts";

/**
 * Registers the contract of a store with Vitest, in a file of its tests:
 *
 *     contract({
 *       name: "my store",
 *       without: ["two endpoints", "marks", "multipart"],
 *       open: async () => ({ layer: myStore({ bucket: "contract" }), bucket: "contract" }),
 *     });
 *
 * Each test signs with the adapter, sends what was granted and what was not, and checks what the
 * store does. Nothing is mocked, so the store must be running, and its clock must agree with this
 * machine's within a few seconds.
 */
export const contract = (harness: Harness): void => register(harness, PROMISES);

const PROMISES = [
  storedAsSent,
  address,
  audience,
  signature,
  expiry,
  mediaType,
  exactSize,
  checksum,
  writeOnce,
  response,
  confirm,
  mismatch,
  unconfirmed,
  multipart,
].flat();
