import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Audience, FormRequest, Presigner } from "../../../application/ports/presigner.ts";
import type { BucketAddress } from "./bucket-address.ts";
import { endOf, lifeNeeded, secondsOfLife, tooShortLived } from "./lifetime.ts";
import type { FormSigner, Held } from "./signer.ts";

/** What signs forms, and for which bucket. */
export interface FormSigning {
  readonly bucket: string;
  readonly signer: Held<FormSigner>;
}

/**
 * Signs HTML forms: "POST Object", Amazon S3 API Reference; "POST Object", Cloud Storage XML API.
 */
export const formPresigner = (
  store: {
    readonly addresses: Readonly<Record<Audience, BucketAddress>>;
    readonly region: string;
  },
  { bucket, signer }: FormSigning,
): NonNullable<Presigner["Service"]["form"]> =>
  Effect.fnUntraced(function* (request: FormRequest) {
    const now = yield* Clock.currentTimeMillis;
    const { signForm, ...life } = yield* signer(now, lifeNeeded(request));
    const expiresIn = secondsOfLife(request, life, now);
    if (expiresIn * 1000 < lifeNeeded(request) - 1000) return yield* tooShortLived(expiresIn);
    const fields = yield* signForm({
      bucket,
      fields: {
        key: request.key,
        "Content-Type": request.mediaType,
        // So that a page that sends the form into a frame hears of it: 204, the default of
        // Google and Amazon, leaves the frame as it is.
        success_action_status: "201",
      },
      sizes: [request.minSize, request.maxSize],
      region: store.region,
      now,
      expiresIn,
    });
    const { origin, unsignedPrefix, path } = store.addresses[request.audience];
    return { url: `${origin}${unsignedPrefix}${path}/`, fields, expiresAt: endOf(now, expiresIn) };
  });
