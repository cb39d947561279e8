import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { listPolicies, type OfferedPolicy } from "../../application/list-policies.ts";
import { answer, keptByBrowser } from "./answer.ts";
import { POLICIES_LIFETIME, type PolicyList } from "./answers.ts";
import type { MemberRequest } from "./route.ts";

/** Answers `GET /api/v1/orgs/:slug/files/policies`. */
export const policies = Effect.fnUntraced(function* ({ c, member }: MemberRequest) {
  const offered = yield* listPolicies(member);
  return answer(c, { policies: offered.map(inJson) } satisfies PolicyList, {
    headers: keptByBrowser(c, POLICIES_LIFETIME),
  });
});

const inJson = ({ linkLifetime, multipart, ...policy }: OfferedPolicy) => ({
  name: policy.name,
  max_size: policy.maxSize,
  allowed_types: policy.allowedTypes,
  extensions: Object.fromEntries(policy.extensions),
  put_lifetime: Duration.toSeconds(policy.putLifetime),
  get_lifetime: Duration.toSeconds(policy.getLifetime),
  ...(linkLifetime === undefined ? {} : { link_lifetime: Duration.toSeconds(linkLifetime) }),
  strict: policy.strict,
  write_once: policy.writeOnce,
  require_checksum: policy.requireChecksum,
  checksums: policy.checksums,
  ...(multipart && {
    multipart: {
      max_size: multipart.maxSize,
      checksums: multipart.checksums,
      file_checksums: multipart.fileChecksums,
    },
  }),
});
