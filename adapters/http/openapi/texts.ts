import { OrganizationSlug } from "../../../domain/organization.ts";
import { SEGMENTS } from "../../../domain/storage-key.ts";
import { DOCUMENT_LIFETIME, LINK_TOKEN, POLICIES_LIFETIME, RECEIPT, Token } from "../answers.ts";
import { IDEMPOTENCY_KEY } from "../idempotency-key.ts";
import { only } from "./headers.ts";

/** What the document says of an operation beside its row of the table of routes. */
export interface Text {
  /** `files` if left out. */
  readonly tag?: "links" | "service";
  readonly summary: string;
  readonly description?: string;
  /** Parameters outside the path, as OpenAPI writes them. */
  readonly parameters?: ReadonlyArray<object>;
  /** Example bodies, by name. */
  readonly examples?: Readonly<Record<string, unknown>>;
  /** The answers that are not refusals, by status. */
  readonly answers: Readonly<Record<string, AnswerText>>;
}

interface AnswerText {
  readonly description: string;
  /** Whether the store gives this answer, to a client that follows redirects by itself. */
  readonly isOfStore?: true;
  /** Headers beside those of every answer; one of the same name replaces it. */
  readonly headers?: Readonly<Record<string, object>>;
}

const segment = (name: keyof typeof SEGMENTS) => ({
  type: "string",
  pattern: `^${SEGMENTS[name]}$`,
});

/** The parameters in paths, by name; `/docs` fills in the examples. */
export const PATH_PARAMETERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  slug: { schema: OrganizationSlug, example: "acme" },
  year: { schema: segment("year"), example: "2026" },
  month: { schema: segment("month"), example: "11" },
  name: { schema: segment("name"), example: "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png" },
  token: { schema: Token, example: LINK_TOKEN, description: "The end of `link_url`, after `/f/`." },
};

/** A redirect to the store, and what a client gets there. */
const REDIRECT: Text["answers"] = {
  200: { description: "The file, for a client that follows redirects by itself.", isOfStore: true },
  302: {
    description: "A signed GET of the store, which shows or saves the file.",
    headers: {
      Location: {
        required: true,
        description: "The signed GET.",
        schema: { type: "string", format: "uri" },
      },
      "Cache-Control": {
        required: true,
        description: "How long the answer may be kept. The answer to a link may not be kept.",
        schema: { type: "string", pattern: "^(?:no-store|private, max-age=[1-9][0-9]*)$" },
      },
      "Referrer-Policy": { required: true, schema: only("no-referrer") },
    },
  },
};

const IDEMPOTENCY = {
  name: "Idempotency-Key",
  in: "header",
  description:
    "A key of the caller's choice: 1 to 255 printable ASCII characters, with or without double quotes. The same request with the same key gets the same object again, and the file is written once.",
  schema: {
    type: "string",
    pattern: IDEMPOTENCY_KEY,
    examples: ["3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f"],
  },
};

const PLAIN = { filename: "a.png", content_type: "image/png", size: 5 };

/** The texts of the operations; an operation without a text does not compile. */
export const TEXTS = {
  presign: {
    summary: "Ask to upload a file",
    description:
      "The answer has a URL to PUT exactly this file to, and a URL that shows the file once it is there. With `method: form` it has an HTML form instead of the PUT.",
    parameters: [IDEMPOTENCY],
    examples: {
      plain: PLAIN,
      form: { filename: "a.png", content_type: "image/png", method: "form" },
      bound: {
        ...PLAIN,
        policy: "files",
        strict: true,
        checksum: { algorithm: "sha256", value: "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" },
      },
    },
    answers: { 200: { description: "The upload is granted." } },
  },
  presignBatch: {
    summary: "Ask to upload several files",
    description:
      "All of up to 100 files are granted or none is, and they count as one request. A file has the members of a single request to upload.",
    parameters: [IDEMPOTENCY],
    examples: {
      plain: { files: [PLAIN, { ...PLAIN, filename: "b.png" }] },
      bound: { files: [PLAIN, { ...PLAIN, strict: false }], policy: "files", strict: true },
    },
    answers: { 200: { description: "All uploads are granted." } },
  },
  confirm: {
    summary: "Confirm that the file arrived as it was granted",
    description:
      "A receipt works for the caller it was given to, and for services, until a day after the upload URL stops working.",
    examples: { upload: { receipt: RECEIPT } },
    answers: { 200: { description: "The file is there, as it was granted." } },
  },
  startMultipart: {
    summary: "Start an upload in parts",
    description:
      "For large files, and for networks that break. Each part is sent with a PUT of its own: of `part_size` bytes, and the last one of what is left. All bytes count for the daily quota now.",
    parameters: [IDEMPOTENCY],
    examples: {
      plain: { filename: "a.png", content_type: "image/png", size: 8_388_608 },
    },
    answers: { 200: { description: "The upload is granted." } },
  },
  abortMultipart: {
    summary: "Abort an upload in parts",
    description: "Removes its parts. A file that was completed stays.",
    examples: { upload: { upload: RECEIPT } },
    answers: { 204: { description: "The upload has ended." } },
  },
  signParts: {
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
    answers: { 200: { description: "The URLs, in the order of `part_numbers`." } },
  },
  listParts: {
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
    answers: { 200: { description: "The parts, by their numbers." } },
  },
  completeMultipart: {
    summary: "Complete an upload in parts",
    description:
      "Name all parts, in any order, with the `ETag` that the store answered to each PUT. The answer has the receipt, with which links are made. To complete an upload again gives the same answer.",
    examples: {
      upload: {
        upload: RECEIPT,
        parts: [{ part_number: 1, etag: '"5d41402abc4b2a76b9719d911017c592"' }],
      },
    },
    answers: { 200: { description: "The file is there, as it was granted." } },
  },
  makeLink: {
    summary: "Make a link to a file",
    description:
      "Needs a policy with `link_lifetime`. The link opens the file for everyone who has it.",
    examples: { upload: { receipt: RECEIPT, expires_in: 3600 } },
    answers: { 200: { description: "The link." } },
  },
  policies: {
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
            schema: only(`private, max-age=${POLICIES_LIFETIME}`),
          },
        },
      },
    },
  },
  openFile: {
    summary: "Open a file",
    description: "Redirects without asking the store. If the file is not there, the store says so.",
    parameters: [
      {
        name: "download",
        in: "query",
        description: "If it is there, with any value, the file is saved and not shown.",
        allowEmptyValue: true,
        schema: { type: "string", examples: [""] },
      },
      {
        name: "version",
        in: "query",
        description: "The version of the file, as `confirm` named it; the newest if left out.",
        schema: { type: "string", pattern: "^[!-~]{1,1024}$" },
      },
    ],
    answers: REDIRECT,
  },
  followLink: {
    tag: "links",
    summary: "Open a file by its link",
    answers: REDIRECT,
  },
  health: {
    tag: "service",
    summary: "Whether the process is alive",
    answers: { 200: { description: "The process is alive." } },
  },
  readiness: {
    tag: "service",
    summary: "Whether the service can sign, and the state of its parts",
    answers: {
      200: {
        description:
          "The service can sign. It is `degraded` if the store or the counter of limits fails.",
      },
      503: { description: "The service cannot sign, or is stopping." },
    },
  },
  openapi: {
    tag: "service",
    summary: "This document",
    answers: {
      200: {
        description: "OpenAPI 3.1.",
        headers: { "Cache-Control": { required: true, schema: only(DOCUMENT_LIFETIME) } },
      },
    },
  },
} satisfies Readonly<Record<string, Text>>;

/** The operations that the document describes. */
export type OperationId = keyof typeof TEXTS;
