import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { listPolicies } from "../../../application/list-policies.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { PictureWidths } from "../../../domain/picture.ts";
import { AllowedType, PolicyName } from "../../../domain/upload-policy.ts";
import { JSON_HEADERS, keptByBrowser } from "../answer.ts";
import { FILES, operation } from "./operation.ts";
import { flag, seconds } from "./schemas.ts";

/** Seconds for which a browser may cache the policies, which may change meanwhile. */
const LIFETIME = 60;

const Policy = Schema.Struct({
  name: PolicyName.annotate({ description: "What a request gives as `policy`." }),
  maxSize: ByteSize.annotate({
    identifier: "MaxSize",
    description: "The largest file in one PUT, in bytes.",
  }),
  allowedTypes: Schema.Array(AllowedType).annotate({
    description: "Media types, with any parameters, or all subtypes of one.",
    examples: [[AllowedType.make("image/*"), AllowedType.make("application/pdf")]],
  }),
  extensions: Schema.Record(Schema.String, MediaType).annotate({
    description:
      "The allowed media types by their usual extensions, with the dot and in lower case: what to declare for a file whose type is unknown. A file may have any other extension.",
    examples: [{ ".png": MediaType.make("image/png"), ".jpg": MediaType.make("image/jpeg") }],
  }),
  putLifetime: seconds("How long `putUrl` works, in seconds.", 900),
  getLifetime: seconds("How long `getUrl` works, in seconds.", 86400),
  linkLifetime: Schema.optionalKey(
    seconds("Links are allowed; the longest that one works, in seconds.", 3600),
  ),
  images: Schema.optionalKey(
    PictureWidths.annotate({
      description: "The widths in pixels in which its pictures can be opened.",
      examples: [[64, 320, 1280]],
    }),
  ),
  strict: flag("As `strict` in every request."),
  writeOnce: flag("The store accepts one PUT under a key and refuses the next."),
  public: Schema.optionalKey(flag("Everybody can read its files, at `publicUrl`.")),
  requireChecksum: flag("Requests without a `checksum` are refused."),
  checksums: Schema.Array(ChecksumAlgorithm).annotate({
    description: "The algorithms that the store verifies; others are refused.",
  }),
  multipart: Schema.optionalKey(
    Schema.Struct({
      maxSize: ByteSize.annotate({
        identifier: "MultipartMaxSize",
        description: "The largest file in parts, in bytes.",
      }),
      minPartSize: ByteSize.annotate({
        description: "The fewest bytes of each part but the last, if `partSize` asks for them.",
      }),
      checksums: Schema.Array(ChecksumAlgorithm).annotate({
        description: "The algorithms that the store verifies of a part; others are refused.",
      }),
      wholeChecksums: Schema.Array(ChecksumAlgorithm).annotate({
        description: "The same of the whole file.",
      }),
    }).annotate({
      identifier: "MultipartOffer",
      description: "Files may also be sent in parts; without it, in one PUT only.",
    }),
  ),
}).annotate({ identifier: "Policy", description: "The rules on uploads that a caller may use." });

export const policiesOperation = operation({
  action: "policies",
  methods: ["GET"],
  path: `${FILES}/policies`,
  scope: "write",
  text: {
    operationId: "policies",
    summary: "List what may be uploaded",
    description:
      "The policies that the caller may use. Requests to upload, in one PUT or in parts, are held to exactly these.",
    answers: {
      200: {
        description: "The policies.",
        headers: {
          "Cache-Control": {
            required: true,
            description: "How long a browser may keep the answer.",
            schema: { type: "string", const: `private, max-age=${LIFETIME}` },
          },
        },
      },
    },
  },
  query: () => ({}),
  input: Schema.Struct({}),
  run: ({ member }) => listPolicies(member),
  output: Schema.Struct({ policies: Schema.Array(Policy) }).annotate({ identifier: "PolicyList" }),
  present: (offered) => ({
    policies: offered.map(({ linkLifetime, multipart, ...policy }) => ({
      name: policy.name,
      maxSize: policy.maxSize,
      allowedTypes: policy.allowedTypes,
      extensions: Object.fromEntries(policy.extensions),
      putLifetime: Duration.toSeconds(policy.putLifetime),
      getLifetime: Duration.toSeconds(policy.getLifetime),
      ...(linkLifetime && { linkLifetime: Duration.toSeconds(linkLifetime) }),
      ...(policy.images && { images: policy.images }),
      strict: policy.strict,
      writeOnce: policy.writeOnce,
      ...(policy.public && { public: true }),
      requireChecksum: policy.requireChecksum,
      checksums: policy.checksums,
      ...(multipart && { multipart }),
    })),
  }),
  callGives: "policies",
  headers: { ...JSON_HEADERS, ...keptByBrowser(LIFETIME) },
  refusals: {},
});
