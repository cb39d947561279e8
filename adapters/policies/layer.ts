import * as Layer from "effect/Layer";
import { Policies } from "../../application/ports/policies.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";

/** The policies that the environment describes. */
export const layer = (policies: ReadonlyMap<string, UploadPolicy>): Layer.Layer<Policies> =>
  Layer.succeed(Policies, policies);
