import * as DateTime from "effect/DateTime";
import * as Schema from "effect/Schema";
import { listParts } from "../../../application/parts/list-parts.ts";
import { signParts } from "../../../application/parts/sign-parts.ts";
import { Checksum } from "../../../domain/checksum.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { FILES, operation } from "./operation.ts";
import { etag, instant, PART_URL, RECEIPT, Token, url } from "./schemas.ts";

const MOST_URLS = 100;

export const PARTS_REFUSALS = {
  InvalidUpload: true,
  MultipartNotSupported: true,
  OrganizationNotFound: true,
} as const;

/** Returns the fault of a list that names a part twice. */
export const eachOnce = (numbers: ReadonlyArray<number>) =>
  new Set(numbers).size === numbers.length
    ? undefined
    : "it has a part number more than once: name each part once";

export const signPartsOperation = operation({
  action: "sign-parts",
  methods: ["POST"],
  path: `${FILES}/multipart/parts`,
  scope: "write",
  text: {
    operationId: "signParts",
    summary: "Ask for the URLs of parts",
    description: "Each URL takes exactly the bytes of its part. A part may be sent again.",
    examples: {
      plain: { upload: RECEIPT, part_numbers: [1, 2] },
      bound: {
        upload: RECEIPT,
        part_numbers: [1],
        checksums: [{ algorithm: "md5", value: "XUFAKrxLKna5cZ2REBfFkg==" }],
      },
    },
    answers: "The URLs, in the order of `part_numbers`.",
  },
  input: Schema.Struct({
    upload: Token,
    partNumbers: Schema.Array(PartNumber)
      .check(
        Schema.makeFilter<ReadonlyArray<number>>(
          (numbers) =>
            numbers.length >= 1 && numbers.length <= MOST_URLS
              ? eachOnce(numbers)
              : `it does not have 1 to ${MOST_URLS} part numbers`,
          { toJsonSchema: () => ({ minItems: 1, maxItems: MOST_URLS, uniqueItems: true }) },
        ),
      )
      .annotate({ examples: [[PartNumber.make(1), PartNumber.make(2)]] }),
    checksums: Schema.optionalKey(
      Schema.Array(Checksum).annotate({
        description: "The checksum of each of these parts, in the same order.",
      }),
    ),
  }).annotate({ identifier: "PartsToSign" }),
  check: ({ partNumbers, checksums = partNumbers }) =>
    checksums.length === partNumbers.length
      ? undefined
      : {
          pointer: "/checksums",
          reason: "it does not have one checksum for each part number, in the same order",
        },
  facts: ({ partNumbers }) => ({ parts: partNumbers.length }),
  run: ({ member }, { upload, partNumbers, checksums }) =>
    signParts({
      member,
      upload,
      parts: partNumbers.map((partNumber, index) => ({
        partNumber,
        checksum: checksums?.[index],
      })),
    }),
  output: Schema.Struct({
    parts: Schema.Array(
      Schema.Struct({
        partNumber: PartNumber,
        url: url("Where to PUT the part.", PART_URL),
        headers: Schema.Record(Schema.String, Schema.String).annotate({
          description: "The headers that the PUT must carry; none unless the part has a checksum.",
        }),
        expiresAt: instant("When `url` stops working.", "2026-11-24T12:15:00.000Z"),
      }).annotate({ identifier: "SignedPart", description: "The PUT of one part." }),
    ),
  }).annotate({ identifier: "SignedParts" }),
  present: ({ parts }) => ({
    parts: parts.map(({ partNumber, put }) => ({
      partNumber,
      url: put.url,
      headers: put.headers,
      expiresAt: DateTime.toDate(put.expiresAt),
    })),
  }),
  callGives: "parts",
  refusals: {
    ...PARTS_REFUSALS,
    PartOutOfRange: true,
    ChecksumRequired: true,
    ChecksumNotSupported: true,
    CredentialsUnavailable: true,
    StoreUnavailable: true,
  },
});

export const listPartsOperation = operation({
  action: "list-parts",
  methods: ["GET"],
  path: `${FILES}/multipart/parts`,
  scope: "write",
  text: {
    operationId: "listParts",
    summary: "List the parts that are in the store",
    parameters: [
      {
        name: "upload",
        in: "query",
        required: true,
        description: "As the start of the upload answered it.",
        schema: { type: "string", examples: [RECEIPT] },
      },
    ],
    answers: "The parts, by their numbers.",
  },
  query: (c) => ({ upload: c.req.query("upload") ?? "" }),
  input: Schema.Struct({ upload: Token }),
  run: ({ member }, { upload }) => listParts({ member, upload }),
  output: Schema.Struct({
    parts: Schema.Array(
      Schema.Struct({
        partNumber: PartNumber,
        size: Schema.Natural.annotate({ description: "Bytes." }),
        etag,
      }).annotate({ identifier: "StoredPart", description: "A part that is in the store." }),
    ),
  }).annotate({ identifier: "PartList" }),
  present: ({ parts }) => ({
    parts: parts.map(({ partNumber, size, etag }) => ({ partNumber, size, etag })),
  }),
  callGives: "parts",
  refusals: { ...PARTS_REFUSALS, StoreUnavailable: true },
});
