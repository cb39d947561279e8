import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { ByteSize } from "../../../domain/byte-size.ts";
import { credentialsPrefix } from "../../../domain/credentials-grant.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import type { RawAnswer } from "../sending/exchange.ts";
import { upload } from "../sending/send.ts";
import { newKey, ORGANIZATION } from "../sending/uploads.ts";
import type { Subject } from "../subject/subject.ts";

export const SECRET = "what only its organization may read";

/** Statuses by which a call is refused, or not known. */
export const REFUSALS = new Set([400, 401, 403, 404, 405, 411, 501]);

/** Refusals after which it is looked whether they were none. */
const MOST_UNSEEN = 10;

interface Opened {
  readonly look: () => Promise<void>;
  readonly clear: () => Promise<void>;
}

/** Opens credentials by `open`, tries something with them, looks, and removes everything again. */
export const reachingBy =
  <Reach extends Opened>(open: (subject: Subject) => Promise<Reach>) =>
  async (subject: Subject, check: (reach: Reach) => Promise<void>): Promise<void> => {
    const reach = await open(subject);
    try {
      await check(reach);
      await reach.look();
    } finally {
      await reach.clear();
    }
  };

/** Opens credentials for two prefixes, and puts an object of another organization beside them. */
export async function openPlace(subject: Subject) {
  const { store, bucket, key: victim, organization = ORGANIZATION } = subject;
  const give = async (prefix: string) => {
    const request = { prefix, lifetime: Duration.minutes(15), audience: "internal" } as const;
    assert.ok(store.credentials, "it gives none");
    const given = await Effect.runPromise(store.credentials(request));
    assert.equal(given.bucket, bucket, "they are of another bucket");
    return given;
  };
  const [id, otherId] = [crypto.randomUUID(), crypto.randomUUID()];
  const prefixFor = (id: string) => credentialsPrefix({ organization, id });
  const [prefix, otherPrefix] = [prefixFor(id), prefixFor(otherId)];
  const all = prefix.slice(0, -id.length - 1);
  const [given, others] = [await give(prefix), await give(otherPrefix)];
  const { endpoint } = given;
  const names = {
    BUCKET: bucket,
    ELSEWHERE: `${bucket}-elsewhere`,
    ENDPOINT: endpoint,
    HOST: new URL(endpoint).host,
    VICTIM: victim,
    FIRST: victim.replace("o", "%6f"),
    NEIGHBOUR: `${otherPrefix}a.png`,
    OTHER: otherId,
    NEW: newKey(organization),
    OWN: `${prefix}a.png`,
    PREFIX: prefix,
    PLAIN: prefix.slice(0, -1),
    TAIL: prefix.slice("incoming/".length),
    UPPER: `${all}${id.toUpperCase()}/`,
    CREDENTIALS: all,
    ORG: organization,
  };
  const put = await subject.signPut({ size: ByteSize.make(SECRET.length) });
  await upload({ ...put, body: Buffer.from(SECRET) });
  /** What others have: none of it may change. */
  const looked = async (): Promise<Facts> => {
    const keys = [victim, names.NEIGHBOUR, names.NEW] as ReadonlyArray<string>;
    const found = await Promise.all(keys.map((key) => subject.read({ key: key as ObjectKey })));
    const [first, second, none] = found.map(facts);
    return {
      "the object of another organization": first,
      "the object of other credentials": second,
      "a name that had no object": none,
    };
  };
  return {
    given,
    others,
    names,
    /** Watches what others have, and `more` of it, from now on. */
    watch: async (more: () => Promise<Facts> = async () => ({})) => {
      const lookedAll = async () => ({ ...(await looked()), ...(await more()) });
      const before = await lookedAll();
      let unseen: Array<string> = [];
      /** Checks that nothing has changed by the calls since the last look. */
      const look = async () => {
        const after = await lookedAll();
        const changed = Object.keys(before).find((what) => after[what] !== before[what]);
        assert.ok(changed === undefined, `${unseen.join(", or ")}: it changed ${changed}`);
        unseen = [];
      };
      /** Checks that the answer of a call and, later, its effect have nothing of others. */
      const check = async (said: string, { ok, status, body }: RawAnswer, asked = "") => {
        const text = body.toString();
        const told = ok ? [`${otherId}/a`, victim].filter((each) => !asked.includes(each)) : [];
        const isTold = [SECRET, ...told].some((each) => text.includes(each));
        assert.ok(!isTold, `${said}: the answer has what is of others`);
        unseen.push(said);
        if (status < 400 || unseen.length >= MOST_UNSEEN) await look();
      };
      return { look, check };
    },
  };
}

type Facts = Readonly<Record<string, string | undefined>>;

const facts = ({ status, ok, headers, body }: RawAnswer): string =>
  ok ? `${headers.etag} ${headers["last-modified"]} ${body.toString()}` : `${status}`;
