import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import assert from "node:assert/strict";
import type { ScopedCredentials } from "../../../application/ports/scoped-credentials.ts";
import { textIn, unescape } from "../../storage/rest/xml.ts";
import { encodeKey } from "../../storage/signing/v4.ts";
import { type Caller, sendSigned, type SignedCall } from "../sending/signed-call.ts";
import type { Subject } from "../subject/subject.ts";
import { openPlace, reachingBy, REFUSALS, SECRET } from "./place.ts";
import { callIn, fill, type Values } from "./s3-calls.ts";

/** Credentials for one prefix, objects of others beside it, and a look at what they have reached. */
export type Reach = Awaited<ReturnType<typeof open>>;

/** For checks by S3's API. */
export const reaching = reachingBy(open);

interface Tried {
  /** Stands for KEY in a line. */
  readonly key?: string;
  /** The call itself, if no line can say it. */
  readonly tried?: SignedCall;
  /** The body that a line calls so. */
  readonly SETTINGS?: string;
}

async function open(subject: Subject) {
  const { s3, bucket } = subject;
  assert.ok(s3, "the store has no API of S3");
  const place = await openPlace(subject);
  const [granted, other] = [callerOf(place.given), callerOf(place.others)];
  const { endpoint, region } = granted;
  const { keys } = await Effect.runPromise(s3.signers.service(Date.now(), 0));
  const service: Caller = { endpoint, region, ...keys };
  const names: Values = place.names;
  /** Sends a call, with the service's key unless another is given. */
  const call = (line: string, more: Values = {}, caller: Caller = service) =>
    sendSigned(caller, callIn(line, { ...names, ...more }));
  const done = async (...args: Parameters<typeof call>) => {
    const answer = await call(...args);
    assert.ok(answer.ok, `${args[0]}: the store answered with ${answer.status}`);
    return answer;
  };
  /** Begins an upload in parts, and sends its only part. */
  const begin = async (name: "OWN" | "NEIGHBOUR", caller: Caller) => {
    const begun = await done(`POST BUCKET/${name}?uploads`, {}, caller);
    const UPLOAD = textIn(begun.body.toString(), "UploadId") ?? "";
    const part = `PUT BUCKET/${name}?partNumber=1&uploadId=UPLOAD <CONTENT`;
    const { headers } = await done(part, { UPLOAD }, caller);
    return { UPLOAD, ETAG: `${headers.etag}` };
  };
  await done("PUT BUCKET/NEIGHBOUR <SECRET", { SECRET }, other);
  await done("PUT BUCKET/OWN <CONTENT", {}, granted);
  const { headers } = await done("GET BUCKET/VICTIM");
  const more = await begin("NEIGHBOUR", other);
  const MINE = (await begin("OWN", granted)).UPLOAD;
  const page = await call("GET BUCKET?list-type=2&max-keys=1&prefix=CREDENTIALS");
  const TOKEN = textIn(page.body.toString(), "NextContinuationToken") ?? "a";
  const values: Values = {
    ...names,
    ...more,
    MINE,
    TOKEN,
    VERSION: `${headers["x-amz-version-id"] ?? "null"}`,
  };
  const { look, check } = await place.watch(async () => {
    const { body } = await call("GET BUCKET/NEIGHBOUR?uploadId=UPLOAD", values);
    const part = /<Part>.*?<\/Part>/s.exec(body.toString())?.[0];
    return { "the upload in parts of other credentials": part };
  });
  /** Sends a call with the credentials, whose answer and effect have nothing of others. */
  const attempt = async (said: string, tried: SignedCall = callIn(said, values)) => {
    const answer = await sendSigned(granted, tried);
    const begun =
      answer.ok && tried.query?.[0]?.[0] === "uploads" && textIn(`${answer.body}`, "UploadId");
    if (begun) {
      await sendSigned(service, { ...tried, method: "DELETE", query: [["uploadId", begun]] });
    }
    await check(said, answer, JSON.stringify({ ...tried, body: `${tried.body}` }));
    return answer;
  };
  return {
    values,
    granted,
    other,
    service,
    own: place.names.OWN,
    call: (line: string, more?: Values) => call(line, { ...values, ...more }),
    done: (line: string, more?: Values) => done(line, { ...values, ...more }, granted),
    begin: () => begin("OWN", granted),
    attempt,
    look,
    /** Sends a call that has to be refused; KEY of its line stands for a name. */
    expectRefused: async (line: string, { key = "", tried, ...more }: Tried = {}) => {
      const said = line.replace("KEY", key);
      const named = { ...values, ...more, KEY: fill(key, values) };
      const answer = await attempt(said, tried ?? callIn(line, named));
      const { status, body } = answer;
      const isInside = answer.ok && /<Error>/.test(`${body}`) && !/<Deleted>/.test(`${body}`);
      assert.ok(isInside || REFUSALS.has(status), `${said}: the store answered with ${status}`);
    },
    expectStored: async (key: string, content: string) => {
      const { status, body } = await call(`GET BUCKET/KEY`, { KEY: key });
      assert.equal(status === 200 ? body.toString() : status, content, `${key} is another`);
    },
    /** Removes everything, also under names that a URL would change. */
    clear: async () => {
      await call("DELETE BUCKET/NEIGHBOUR?uploadId=UPLOAD", values);
      await call("DELETE BUCKET/OWN?uploadId=MINE", values);
      for (const line of [
        "GET BUCKET?versions&prefix=CREDENTIALS",
        "GET BUCKET?prefix=CREDENTIALS",
      ]) {
        const listed = (await call(line)).body.toString();
        for (const entry of listed.split(/<(?=(?:Contents|Version|DeleteMarker)>)/).slice(1)) {
          const path = `/${bucket}/${encodeKey(unescape(textIn(entry, "Key") ?? ""))}`;
          const version = textIn(entry, "VersionId");
          const query = version ? [["versionId", version] as const] : [];
          await sendSigned(service, { method: "DELETE", path, query });
        }
      }
    },
  };
}

function callerOf(given: ScopedCredentials) {
  assert.ok(given.kind === "s3", "they are of another API");
  const { endpoint, region, accessKeyId: accessKey } = given;
  const secretKey = Redacted.value(given.secretAccessKey);
  const sessionToken = Redacted.value(given.sessionToken);
  return { endpoint, region, accessKey, secretKey, sessionToken };
}
