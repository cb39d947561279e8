import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { uploadKey } from "../../../domain/storage-key.ts";
import { completionFrom } from "../../storage/rest/multipart.ts";
import { signedRequest } from "../../storage/rest/signed-fetch.ts";
import { assertBytes } from "../sending/assertions.ts";
import { start } from "./multipart.ts";
import { type Pause, send, sendPut } from "../sending/send.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import type { Call } from "../subject/use-cases.ts";
import { CONTENT, newKey, OTHER, UPLOAD } from "../sending/uploads.ts";

type Request = (pause: Pause) => Promise<unknown>;

/** The file as it was confirmed, or the tag of the refusal. */
type Seen = { readonly etag: string; readonly final: boolean; readonly url: string } | string;

const NOT_THERE: ReadonlySet<Seen> = new Set(["UploadIncomplete", "PartsMissing"]);

/** Sends half of each body, and returns a function that sends the rest and waits for the answers. */
async function begin(requests: ReadonlyArray<Request>) {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const begun = requests.map((request) => {
    const { promise: half, resolve: onHalf } = Promise.withResolvers<void>();
    return { half, whole: request({ onHalf, end }) };
  });
  // One that is refused or cut has done nothing.
  const settled = Promise.allSettled(begun.map(({ whole }) => whole));
  await Promise.race([Promise.all(begun.map(({ half }) => half)), settled]);
  return async () => {
    resolve();
    await settled;
  };
}

/**
 * Sends a file and confirms it, while requests that could replace it are half sent; then sends the
 * rest of them. A file that was final must be the same afterwards, and another one what the next
 * confirm says. Returns whether it is final. A store may lock the key of a PUT that is under way, as
 * MinIO does for one that is write-once: then the first confirm fails, and the next one decides.
 */
async function expectFinalStays(
  subject: Subject,
  overtaken: ReadonlyArray<Request>,
  arrive: () => Promise<unknown>,
  confirm: (call?: Call) => Promise<Seen>,
): Promise<boolean> {
  const finish = await begin(overtaken);
  // Once a later PUT is stored, the halves have most probably arrived.
  await subject.put({ key: newKey() });
  let isArriving = true;
  const arrived = Promise.allSettled([arrive()]).then(() => (isArriving = false));
  let first: Seen = "";
  let file: Uint8Array = new Uint8Array();
  try {
    for (let isLast = false; !isLast;) {
      isLast = !isArriving;
      // Once, since the store may lock the key until the halves end.
      first = await confirm({ isOnce: true });
      isLast ||= !NOT_THERE.has(first);
    }
    if (typeof first !== "string") file = (await send("GET", first.url)).body;
  } finally {
    await finish();
    await arrived;
  }
  const next = await confirm();
  if (typeof next === "string") assert.fail(`the next confirm is answered with ${next}`);
  if (typeof first === "string") return next.final;
  if (first.final) assert.equal(next.etag, first.etag, "a final file was replaced");
  if (first.etag === next.etag) assertBytes(await send("GET", next.url), file);
  return first.final;
}

/** Eight PUTs that begin before another one and its confirm, and end after them. */
async function overtakePuts(subject: Subject, policy: string, strict = false): Promise<boolean> {
  const { put, receipt } = await subject.grant({ strict }, policy);
  const puts = Array.from({ length: 8 }, (_, at): Request => {
    const body = CONTENT.map((byte) => byte ^ (at + 1));
    return (pause) => sendPut({ ...put, body, pause });
  });
  const confirm = async (call?: Call) => seenIn(await subject.confirm(receipt, call));
  return expectFinalStays(subject, puts, () => sendPut(put), confirm);
}

/** An upload of one part. */
async function startPart(subject: Subject, policy: string) {
  const started = await start(subject, UPLOAD, policy);
  let etags: Readonly<Record<number, string>> = {};
  let receipt: string | undefined;
  return {
    ...started,
    put: await started.sign(1),
    arrive: async () => {
      etags = { 1: await started.store(1, CONTENT) };
    },
    /** Completes it, and then confirms. */
    confirm: async (call?: Call) => {
      if (receipt !== undefined) return seenIn(await subject.confirm(receipt, call));
      const completed = await started.complete(etags, call);
      if (completed._tag === "Done") receipt = completed.receipt;
      return seenIn(completed);
    },
  };
}

async function overtakePart(subject: Subject, policy: string): Promise<void> {
  const { put, arrive, confirm } = await startPart(subject, policy);
  const late: Request = (pause) => sendPut({ ...put, body: OTHER, pause });
  await expectFinalStays(subject, [late], arrive, confirm);
}

/** A completion, with the part that was there when it began; elsewhere than at S3 nobody can hold it up. */
async function overtakeCompletion(subject: Subject, policy: string): Promise<void> {
  const { s3 } = subject;
  if (s3 === undefined) return;
  const { put, key, store, arrive, confirm } = await startPart(subject, policy);
  const etag = await store(1, OTHER);
  const body = completionFrom([{ partNumber: 1, etag, size: OTHER.length }]);
  const signed = signedRequest(s3, {
    method: "POST",
    key: uploadKey({ key, incoming: policy === "incoming" }),
    query: [["uploadId", new URL(put.url).searchParams.get("uploadId") ?? ""]],
    headers: [
      ["content-type", "application/xml"],
      ...(subject.has("copies once") ? [["if-none-match", "*"] as const] : []),
    ],
  });
  const { url, headers } = await Effect.runPromise(signed);
  const late: Request = (pause) => send("POST", url, { headers, body, pause });
  await expectFinalStays(subject, [late], arrive, confirm);
}

type Confirmed = Exclude<Seen, string> & { readonly get: { readonly url: string } };
const seenIn = (answer: { readonly _tag: string } | Omit<Confirmed, "url">): Seen =>
  "get" in answer ? { ...answer, url: answer.get.url } : answer._tag;

const forEachPolicy =
  (overtake: (subject: Subject, policy: string) => Promise<unknown>) =>
  async (subject: Subject) => {
    for (const policy of subject.has("copies") ? ["files", "incoming"] : ["files"]) {
      await overtake(subject, policy);
    }
  };

/** What begins before a confirm and ends after it changes no file that the confirm called final. */
export const overtaken = [
  ...promises(["write-once"], {
    "a write-once file is final, whichever PUT began before its confirm": async (subject) =>
      assert.ok(await overtakePuts(subject, "files", true), "it is not final"),
  }),
  ...promises([], {
    "PUTs that end after a confirm change nothing that is final": forEachPolicy(overtakePuts),
  }),
  ...promises(["multipart"], {
    "a part that ends after a confirm changes nothing that is final": forEachPolicy(overtakePart),
    "a completion that ends after a confirm changes nothing that is final":
      forEachPolicy(overtakeCompletion),
  }),
];
