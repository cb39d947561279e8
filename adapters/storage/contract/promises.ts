import { address } from "./address.ts";
import { audience } from "./audience.ts";
import { checksum } from "./checksum.ts";
import { confirm } from "./confirm.ts";
import { exactSize } from "./exact-size.ts";
import { expiry } from "./expiry.ts";
import { form } from "./form.ts";
import { harmless } from "./harmless.ts";
import { mediaType } from "./media-type.ts";
import { mismatch } from "./mismatch.ts";
import { multipart } from "./multipart.ts";
import { response } from "./response.ts";
import { signature } from "./signature.ts";
import type { StorePromise } from "./store-promise.ts";
import { storedAsSent } from "./stored-as-sent.ts";
import { unconfirmed } from "./unconfirmed.ts";
import { writeOnce } from "./write-once.ts";

/** Every promise about a store, in the order in which they are told. */
export const PROMISES: ReadonlyArray<StorePromise> = [
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
  harmless,
  unconfirmed,
  multipart,
  form,
].flat();
