import { announced } from "./announced.ts";
import { boundProperty } from "./bound-property.ts";
import { content } from "./content.ts";
import { confirm } from "./confirm.ts";
import { download } from "./download.ts";
import { harmless } from "./harmless.ts";
import { incoming } from "./incoming.ts";
import { multipart } from "./multipart.ts";
import { reading } from "./read.ts";
import { removal } from "./removal.ts";
import { signedRequest } from "./signed-request.ts";
import type { StorePromise } from "./store-promise.ts";

/** Every promise about a store, in the order in which they are tried. */
export const PROMISES: ReadonlyArray<StorePromise> = [
  signedRequest,
  boundProperty,
  download,
  confirm,
  harmless,
  multipart,
  reading,
  content,
  incoming,
  announced,
  removal,
].flat();
