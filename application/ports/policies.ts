import * as Context from "effect/Context";
import type { UploadPolicy } from "../../domain/upload-policy.ts";

/** The upload policies of this deployment by name; `files` is always among them. */
export class Policies extends Context.Service<Policies, ReadonlyMap<string, UploadPolicy>>()(
  "valetkey/Policies",
) {}
