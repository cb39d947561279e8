import * as Context from "effect/Context";
import type { UploadPolicy } from "../../domain/upload-policy.ts";

/** The upload policies of this deployment. */
export class Policies extends Context.Service<
  Policies,
  {
    /** The policy of every upload that names no other. */
    readonly files: UploadPolicy;
  }
>()("valetkey/Policies") {}
