import * as Layer from "effect/Layer";
import { Policies } from "../../application/ports/policies.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";

/** The policy that the environment describes. */
export const layer = (files: UploadPolicy): Layer.Layer<Policies> =>
  Layer.succeed(Policies, { files });
