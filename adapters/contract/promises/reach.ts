import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import assert from "node:assert/strict";
import { credentialsPrefix } from "../../../domain/credentials-grant.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { textIn, unescape } from "../../storage/rest/xml.ts";
import { encodeKey } from "../../storage/signing/v4.ts";
import { callIn, fill, type Values } from "./scoped-calls.ts";
import type { RawAnswer } from "../sending/exchange.ts";
import { type Caller, sendSigned, type SignedCall } from "../sending/signed-call.ts";
import { upload } from "../sending/send.ts";
import { newKey, ORGANIZATION } from "../sending/uploads.ts";
import type { Subject } from "../subject/subject.ts";

/** Credentials for one prefix, objects of others beside it, and a look at what they have reached. */
export type Reach = Awaited<ReturnType<typeof open>>;

/** Opens credentials, tries something with them, and removes everything again. */
export async function reaching(
  subject: Subject,
  check: (reach: Reach) => Promise<void>,
): Promise<void> {
  const reach = await open(subject);
  try {
    await check(reach);
    await reach.look();
  } finally {
    await reach.clear();
  }
}

interface Tried {
  /** Stands for KEY in a line. */
  readonly key?: string;
  /** The call itself, if no line can say it. */
  readonly tried?: SignedCall;
  /** The body that a line calls so. */
  readonly SETTINGS?: string;
}

/** What `looked` looks at. */
const OTHERS = [
  "the object of another organization",
  "the object of other credentials",
  "a name that had no object",
  "the upload in parts of other credentials",
];

/** Refusals after which it is looked whether they were none. */
const MOST_UNSEEN = 10;

const SECRET = "what only its organization may read";

/** Statuses by which a call is refused, or not known. */
const REFUSALS = new Set([400, 401, 403, 404, 405, 411, 501]);

async function open(subject: Subject) {
  const { presigner, s3, bucket, key: victim, organization = ORGANIZATION } = subject;
  assert.ok(presigner.credentials && s3, "they are tried by S3's API alone");
  const give = async (prefix: string) => {
    const request = { prefix, lifetime: Duration.minutes(15), audience: "internal" } as const;
    const given = await Effect.runPromise(presigner.credentials?.(request) ?? Effect.never);
    assert.ok(given.kind === "s3" && given.bucket === bucket, "they are of another place");
    const { endpoint, region, accessKeyId: accessKey } = given;
    const secretKey = Redacted.value(given.secretAccessKey);
    return {
      endpoint,
      region,
      accessKey,
      secretKey,
      sessionToken: Redacted.value(given.sessionToken),
    };
  };
  const prefixFor = (id: string) => credentialsPrefix({ organization, id });
  const [id, otherId] = [crypto.randomUUID(), crypto.randomUUID()];
  const [prefix, otherPrefix] = [prefixFor(id), prefixFor(otherId)];
  const all = prefix.slice(0, -id.length - 1);
  const [granted, other] = [await give(prefix), await give(otherPrefix)];
  const { endpoint, region } = granted;
  const { keys } = await Effect.runPromise(s3.signers.service(Date.now(), 0));
  const service: Caller = { endpoint, region, ...keys };
  const own = `${prefix}a.png`;
  const neighbour = `${otherPrefix}a.png`;
  const names: Values = {
    BUCKET: bucket,
    ELSEWHERE: `${bucket}-elsewhere`,
    ENDPOINT: endpoint,
    HOST: new URL(endpoint).host,
    VICTIM: victim,
    FIRST: victim.replace("o", "%6f"),
    NEIGHBOUR: neighbour,
    OTHER: otherId,
    NEW: newKey(organization),
    OWN: own,
    PREFIX: prefix,
    PLAIN: prefix.slice(0, -1),
    TAIL: prefix.slice("incoming/".length),
    UPPER: `${all}${id.toUpperCase()}/`,
    CREDENTIALS: all,
    ORG: organization,
  };
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
  const put = await subject.signPut({ size: ByteSize.make(SECRET.length) });
  await upload({ ...put, body: Buffer.from(SECRET) });
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
  /** What others have: none of it may change. */
  const looked = async () => {
    const [first, second, none, parts] = await Promise.all([
      call("GET BUCKET/VICTIM"),
      call("GET BUCKET/NEIGHBOUR"),
      call("HEAD BUCKET/NEW"),
      call("GET BUCKET/NEIGHBOUR?uploadId=UPLOAD", values),
    ]);
    const part = /<Part>.*?<\/Part>/s.exec(parts.body.toString())?.[0];
    return [facts(first), facts(second), none.status, part];
  };
  const before = await looked();
  let unseen: Array<string> = [];
  /** Checks that nothing has changed by the calls since the last look. */
  const look = async () => {
    const after = await looked();
    const changed = OTHERS.find((_, index) => after[index] !== before[index]);
    assert.ok(changed === undefined, `${unseen.join(", or ")}: it changed ${changed}`);
    unseen = [];
  };
  /** Sends a call with the credentials, whose answer and effect have nothing of others. */
  const attempt = async (said: string, tried: SignedCall = callIn(said, values)) => {
    const answer = await sendSigned(granted, tried);
    const text = answer.body.toString();
    const asked = JSON.stringify({ ...tried, body: `${tried.body}` });
    const names = answer.ok ? [`${otherId}/a`, victim].filter((each) => !asked.includes(each)) : [];
    const isTold = [SECRET, ...names].some((each) => text.includes(each));
    assert.ok(!isTold, `${said}: the answer has what is of others`);
    const begun = answer.ok && tried.query?.[0]?.[0] === "uploads" && textIn(text, "UploadId");
    if (begun) {
      await sendSigned(service, { ...tried, method: "DELETE", query: [["uploadId", begun]] });
    }
    unseen.push(said);
    if (answer.status < 400 || unseen.length >= MOST_UNSEEN) await look();
    return answer;
  };
  return {
    values,
    granted,
    other,
    service,
    own,
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

const facts = ({ status, headers, body }: RawAnswer): string =>
  `${status} ${headers.etag} ${headers["last-modified"]} ${body.toString()}`;
