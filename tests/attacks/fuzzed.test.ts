import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { answerOf } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

const schemathesis = await need("schemathesis");
const ANY_FILES = "/api/v1/orgs/{slug}/files";
const PARTS = `${ANY_FILES}/multipart/parts`;
const OPEN = `${ANY_FILES}/{year}/{month}/{name}`;

/**
 * All checks of Schemathesis are on, though the one that needs a second caller has none. The check
 * that a request is accepted if the document permits it has these exceptions, which no document can
 * express.
 */
const CONFIGURATION = `
[generation]
max-examples = ${isFullRun ? 20 : 5}
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx"]
# By default Schemathesis would accept 5xx here, and not 413.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "413", "415"]

# A well-formed type that the policy does not accept.
[[operations]]
include-operation-id = "presign"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "415"]
[[operations]]
include-operation-id = "presignBatch"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "415"]

# A receipt or link that nobody has sealed, a receipt of another organization than the one in the
# address, or of a file that is not there.
[[operations]]
include-operation-id = "confirm"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "404", "409"]
[[operations]]
include-operation-id = "makeLink"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "404"]
# As presign; or a checksum by an algorithm that the store does not verify of a whole file.
[[operations]]
include-operation-id = "startMultipart"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "415"]
# The same of the token of an upload in parts, or an upload that has ended; parts that it does not
# have, or that are not in the store. Nothing but examples and links has a token, so a few generated
# requests are enough.
[[operations]]
include-operation-id = "signParts"
generation.max-examples = ${isFullRun ? 10 : 5}
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "404"]
[[operations]]
include-operation-id = "listParts"
generation.max-examples = ${isFullRun ? 10 : 5}
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "404"]
[[operations]]
include-operation-id = "completeMultipart"
generation.max-examples = ${isFullRun ? 10 : 5}
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400", "404", "409"]
[[operations]]
include-operation-id = "abortMultipart"
generation.max-examples = ${isFullRun ? 10 : 5}
[operations.checks.positive_data_acceptance]
expected-statuses = ["204", "400", "404"]
# Folders that are no date and no name before others; a width that no policy names.
[[operations]]
include-operation-id = "removeFile"
[operations.checks.positive_data_acceptance]
expected-statuses = ["204", "404"]
[[operations]]
include-operation-id = "fileState"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "404"]
[[operations]]
include-operation-id = "openFile"
[operations.checks.positive_data_acceptance]
expected-statuses = ["302", "400", "404"]
[[operations]]
include-operation-id = "followLink"
[operations.checks.positive_data_acceptance]
expected-statuses = ["302", "404"]
# The embedded store gives no credentials.
[[operations]]
include-operation-id = "credentials"
[operations.checks.positive_data_acceptance]
expected-statuses = ["400"]
[[operations]]
include-operation-id = "completeCredentials"
[operations.checks.positive_data_acceptance]
expected-statuses = ["400"]
# A folder of the caller's own, which no policy makes.
[[operations]]
include-operation-id = "listFiles"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400"]
[[operations]]
include-operation-id = "usage"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400"]
[[operations]]
include-operation-id = "signCookies"
[operations.checks.positive_data_acceptance]
expected-statuses = ["200", "400"]
`;

let service: ServiceProcess;
beforeAll(async () => {
  if (schemathesis === undefined) return;
  service = await startProcess({
    STORAGE_POLICIES: JSON.stringify({ files: { link_lifetime: "3653 days", images: [320] } }),
    CDN_URL: "https://cdn.example.com",
    CDN_SIGNER: "google",
    CDN_KEY_ID: "key",
    CDN_KEY: randomBytes(16).toString("base64url"),
    USAGE: "on",
    LOG_LEVEL: "error",
    // Set so that each answer has their headers, and too high to be reached.
    LIMIT_REQUESTS_PER_SUBJECT: "1000000 per second",
    LIMIT_REQUESTS_PER_ORGANIZATION: "1000000 per second",
  });
});
afterAll(() => service?.stop());

it.skipIf(schemathesis === undefined)(
  "the service answers every request that Schemathesis generates from the API document as that document says",
  async () => {
    const served = await fetch(`${service.address}/openapi.json`);
    // The name of an organization is its id here, and an id has no dot.
    const source = (await served.text()).replaceAll("[A-Za-z0-9_.-]{0,61}", "[A-Za-z0-9_-]{0,61}");
    const document = await narrowed(JSON.parse(source) as Json);
    const { output, report } = await run(document);
    expect(report?.exit_code, `${output}\n${service.output()}`).toBe(0);
    // A service that refused everything would agree with the document too.
    const accepted = Object.entries(report?.valid_rates ?? {}).flatMap(([operation, phases]) =>
      Object.values(phases).some(({ accepted }) => accepted > 0) ? [operation] : [],
    );
    expect(accepted.sort()).toEqual(
      operationsOf(document).filter((operation) => !operation.includes("/credentials")),
    );
    expect(report?.warnings.unsupported_regex).toEqual([]);
  },
);

interface Report {
  readonly exit_code: number;
  readonly valid_rates: Readonly<
    Record<string, Readonly<Record<string, { readonly accepted: number }>>>
  >;
  readonly warnings: { readonly unsupported_regex: ReadonlyArray<unknown> };
}

/** Runs Schemathesis in a folder of its own, since it leaves files behind. */
async function run(
  document: Json,
): Promise<{ readonly output: string; readonly report: Report | undefined }> {
  const folder = makeFolder();
  writeFileSync(join(folder, "schemathesis.toml"), CONFIGURATION);
  writeFileSync(join(folder, "openapi.json"), JSON.stringify(document));
  const child = spawn(
    schemathesis ?? "",
    [
      "run",
      "openapi.json",
      `--url=${service.address}`,
      `--header=Authorization: Bearer ${service.token}`,
      "--seed=1",
      "--generation-database=none",
      "--continue-on-failure",
      "--no-color",
      "--report=json",
      "--report-json-path=report.json",
    ],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  atTestEnd(() => child.kill("SIGKILL"));
  const texts = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await once(child, "exit");
  const output = (await texts).join("\n");
  try {
    const report: Report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
    return { output, report };
  } catch (cause) {
    throw new Error(`it ended with ${code}: ${output}`, { cause });
  }
}

/**
 * The document, narrowed to the tested service: with its policy, with receipts and a link that it
 * has made as examples, and with links from one request to the next.
 */
async function narrowed(document: Json): Promise<Json> {
  const receipt = await upload("plain");
  const ofReceipts = withBodies({ receipt }, { receipt: await upload("summed", "sha256") });
  const { link_url } = await call("links", { receipt });
  const { key } = await call("confirm", { receipt });
  const file = Object.fromEntries(
    String(key)
      .split("/")
      .slice(-3)
      .map((part, index) => [["year", "month", "name"][index], part]),
  );
  // The part behind the second # is an extension of Schemathesis.
  const token = "$response.body#/link_url#regex:/f/(.+)$";
  const FOLLOW = "/f/{token}";
  const [parameter] = parametersOf(document, FOLLOW);
  const open = await startInParts();
  const completed = await startInParts();
  const parts = [await sendPart(completed)];
  await call("multipart/complete", { upload: completed, parts });
  const [slug, ofUpload] = parametersOf(document, PARTS);
  return merge(document, {
    components: {
      schemas: {
        BatchRequest: { properties: { policy: { enum: ["files"] } } },
        UploadRequest: { properties: OF_POLICY },
        MultipartStart: { properties: OF_POLICY },
        // The most that the policy accepts.
        Size: { maximum: 10 * 2 ** 20 },
      },
    },
    paths: {
      [`${ANY_FILES}/multipart`]: {
        post: {
          responses: {
            200: {
              links: {
                sign: next("signParts", "upload", { part_numbers: [1] }),
                list: {
                  operationId: "listParts",
                  parameters: { slug: "$request.path.slug", upload: "$response.body#/upload" },
                },
                abort: next("abortMultipart", "upload"),
              },
            },
          },
        },
        delete: withBodies({ upload: await startInParts() }),
      },
      [PARTS]: {
        post: withBodies({ upload: open, part_numbers: [1] }),
        get: { parameters: [slug, { ...ofUpload, schema: { type: "string" }, example: open }] },
      },
      [`${ANY_FILES}/multipart/complete`]: { post: withBodies({ upload: completed, parts }) },
      [OPEN]: {
        get: {
          parameters: parametersOf(document, OPEN).map((parameter) => ({
            ...parameter,
            ...(String(parameter["name"]) in file && { example: file[String(parameter["name"])] }),
          })),
        },
      },
      [FOLLOW]: {
        get: { parameters: [{ ...parameter, example: String(link_url).split("/f/")[1] }] },
      },
      [`${ANY_FILES}/presign`]: {
        post: {
          responses: { 200: { links: { confirm: next("confirm"), link: next("makeLink") } } },
        },
      },
      [`${ANY_FILES}/confirm`]: { post: ofReceipts },
      [`${ANY_FILES}/confirm/batch`]: { post: withBodies({ receipts: [receipt] }) },
      [`${ANY_FILES}/links`]: {
        post: {
          ...ofReceipts,
          responses: {
            200: { links: { follow: { operationId: "followLink", parameters: { token } } } },
          },
        },
      },
    },
  });
}

const OF_POLICY: Json = {
  policy: { enum: ["files"] },
  // About half of them are types that the policy accepts.
  content_type: {
    $ref: null,
    anyOf: [
      { enum: ["image/png", "IMAGE/GIF", "text/plain; charset=utf-8"] },
      { $ref: "#/components/schemas/MediaType" },
    ],
  },
};

/** A request that takes a token of the answer before it. */
const next = (operationId: string, token: "receipt" | "upload" = "receipt", more = {}): Json => ({
  operationId,
  parameters: { slug: "$request.path.slug" },
  requestBody: { [token]: `$response.body#/${token}`, ...more },
});

/** An operation whose body has these examples. */
const withBodies = (...bodies: ReadonlyArray<Json>): Json => {
  const examples = Object.fromEntries(bodies.map((value, index) => [`own-${index}`, { value }]));
  return { requestBody: { content: { "application/json": { examples } } } };
};

/** Uploads a file, and gives its receipt. */
async function upload(content: string, algorithm?: string): Promise<string> {
  const { put_url, put_headers, receipt } = await call("presign", {
    filename: "a.txt",
    content_type: "text/plain",
    size: content.length,
    ...(algorithm === undefined
      ? {}
      : {
          checksum: { algorithm, value: createHash(algorithm).update(content).digest("base64") },
        }),
  });
  const headers = put_headers as Record<string, string>;
  const put = await fetch(String(put_url), { method: "PUT", headers, body: content });
  expect(put.status).toBe(200);
  return String(receipt);
}

/** Starts an upload of one part, and gives its token. */
async function startInParts(): Promise<string> {
  const file = { filename: "a.txt", content_type: "text/plain", size: 5 };
  return String((await call("multipart", file))["upload"]);
}

/** Sends the only part of an upload, and names it as `complete` takes it. */
async function sendPart(upload: string) {
  const { parts } = await call("multipart/parts", { upload, part_numbers: [1] });
  const [{ url }] = parts as [{ url: string }];
  const put = await fetch(url, { method: "PUT", body: "parts" });
  return { part_number: 1, etag: put.headers.get("etag") };
}

async function call(operation: string, body: object): Promise<Record<string, unknown>> {
  const answer = await answerOf(service, operation, body);
  expect(answer.status).toBe(200);
  return answer.body;
}

type Json = { readonly [name: string]: unknown };

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const parametersOf = (document: Json, path: string) =>
  at(document, "paths", path, "get")["parameters"] as ReadonlyArray<Json>;

/** The object at a path of member names. */
const at = (document: Json, ...names: ReadonlyArray<string>): Json =>
  names.reduce((inner, name) => inner[name] as Json, document);

/** JSON Merge Patch, RFC 7396. */
function merge(target: unknown, patch: Json): Json {
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = isObject(value) ? merge(merged[name], value) : value;
  }
  return merged;
}

const operationsOf = (document: Json): ReadonlyArray<string> =>
  Object.entries(document["paths"] as Record<string, Json>)
    .flatMap(([path, item]) =>
      ["get", "head", "post", "delete"].flatMap((method) =>
        method in item ? [`${method.toUpperCase()} ${path}`] : [],
      ),
    )
    .sort();
