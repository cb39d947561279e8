import { expect, it, vi } from "vitest";
import { UploadError, type UploadErrorCode } from "../../adapters/client/client.ts";
import { FILE, failure, isFor, isPut, network, s3Error, startUploads } from "./host.ts";

it.each<[File, object, string]>([
  [
    new File([new Uint8Array(3 * 2 ** 19 + 1)], "a.png", { type: "image/png" }),
    { maxSize: 3 * 2 ** 19 },
    "The file is too large: at most 1.5 MiB.",
  ],
  [
    new File([new Uint8Array(2e6 + 1)], "a.png", { type: "image/png" }),
    { maxSize: 2e6 },
    "The file is too large: at most 2 MB.",
  ],
  [
    new File(["<p>"], "a.html", { type: "text/html" }),
    {},
    "Files of this type are not accepted: choose PNG, JPEG, GIF, WEBP, AVIF, PDF, text.",
  ],
  [
    new File(["<p>"], "a.html", { type: "text/html" }),
    { allowedTypes: ["video/*", "image/svg+xml", "application/vnd.oasis.opendocument.text"] },
    "Files of this type are not accepted: choose any video, SVG, TEXT.",
  ],
])("a person is told what the policy accepts", async (file, policy, sentence) => {
  const { client } = await startUploads({ policy });
  expect((await failure(client.upload(file))).userMessage).toBe(sentence);
});

const bytes = (start: string) => new Uint8Array(Buffer.from(start.padEnd(200, "\0"), "latin1"));

it.each([
  ["MZ\x90\0\x03", "image/png", "a Windows program, not PNG"],
  ["\x7fELF\x02\x01\x01", "image/jpeg", "a Linux program, not JPEG"],
  ["<html><script>alert(1)</script>".padEnd(200), "image/png", "a web page, not PNG"],
  ["GIF89a\x01\0\x01\0", "image/png", "GIF, not PNG"],
  ["PK\x03\x04\x14\0\0\0\0\0", "application/pdf", "a ZIP archive, not PDF"],
  ["no picture".padEnd(200), "image/png", "not PNG, or is damaged"],
])(
  "a person and a program are told what a file is that begins with %j",
  async (start, type, said) => {
    const { client } = await startUploads({ policy: { verifyContent: true } });
    const error = await failure(client.upload(new File([bytes(start)], "a.png", { type })));
    expect(error.code).toBe("wrong-content");
    expect(error.userMessage).toBe(`The content is ${said}.`);
    expect(error.message).toMatch(
      `The stored file differs from what was granted. The content is ${said}. Choose another file`,
    );
  },
);

it("a person is told no words of the store", async () => {
  const { client } = await startUploads();
  network((seen) => (isPut(seen) ? s3Error(400, "InvalidRequest") : undefined));
  const { message, userMessage } = await failure(client.upload(FILE));
  expect(message).toContain("InvalidRequest");
  expect(userMessage).toBe("The upload failed. Try again later.");
});

it.each([401, 413])("a person is told what a page with %i of a proxy means", async (status) => {
  const { client } = await startUploads();
  const sentence = status === 401 ? "Sign in, then try again." : "The file is too large.";
  for (const matches of [isFor("presign"), isPut]) {
    if (matches === isPut && status === 401) continue;
    network((seen) => (matches(seen) ? new Response("<h1>Proxy", { status }) : undefined));
    expect((await failure(client.upload(FILE))).userMessage).toBe(sentence);
    vi.unstubAllGlobals();
  }
});

it("a refusal without a detail is one sentence", async () => {
  const { client } = await startUploads();
  const problem = { code: "UNAUTHENTICATED", title: "Not signed in" };
  network((seen) => (isFor("presign")(seen) ? Response.json(problem, { status: 401 }) : undefined));
  expect((await failure(client.upload(FILE))).message).toBe("Not signed in.");
});

/** No code may be left out; the status is that of the service or the store. */
const CODES: { readonly [Code in UploadErrorCode]: number | undefined } = {
  refused: 400,
  quota: 429,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  "service-failed": 502,
  "invalid-answer": 200,
  "store-refused": 400,
  mismatch: 409,
  "wrong-content": 409,
  unsafe: 409,
  pending: 202,
  missing: undefined,
  cors: undefined,
  unreachable: undefined,
  offline: undefined,
  unstable: undefined,
  aborted: undefined,
  "prepare-failed": undefined,
  "file-changed": undefined,
  "empty-file": undefined,
  directory: undefined,
};

it.each(Object.entries(CODES))(
  "a person is told of %s in a sentence without jargon",
  (code, status) => {
    const isOfFile = /^(?:missing|aborted|file-changed|empty-file|directory)$/.test(code);
    const message = isOfFile ? "photo.png is empty." : "Add the origin to CORS_ORIGINS.";
    const { userMessage } = new UploadError(code as UploadErrorCode, message, { status });
    expect(userMessage).toMatch(/^[\w., ]+\.$/);
    expect(userMessage).not.toMatch(/header|origin|polic|token|service|store|CORS|_/i);
  },
);
