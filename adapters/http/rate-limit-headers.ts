import * as Duration from "effect/Duration";
import type { Allowance } from "../../domain/limits.ts";

/**
 * What clients are told of the limits on their requests: draft-ietf-httpapi-ratelimit-headers,
 * sections 3 and 4.
 */
export const rateLimitHeaders = (
  allowances: ReadonlyArray<Allowance>,
): { readonly "RateLimit-Policy"?: string; readonly RateLimit?: string } =>
  allowances.length === 0
    ? {}
    : {
        "RateLimit-Policy": allowances
          .map(
            ({ of, limit: { count, window } }) =>
              `"${of}";q=${count};w=${Duration.toSeconds(window)}`,
          )
          .join(", "),
        RateLimit: allowances
          .map(({ of, remaining, resetAfter }) => `"${of}";r=${remaining};t=${resetAfter}`)
          .join(", "),
      };
