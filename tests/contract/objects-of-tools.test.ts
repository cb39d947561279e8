import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { CONTENT, newKey, OTHER } from "../../adapters/contract/sending/uploads.ts";
import type { Subject } from "../../adapters/contract/subject/subject.ts";
import { done } from "../../adapters/contract/subject/use-cases.ts";
import { completeCredentials } from "../../application/credentials/complete-credentials.ts";
import { sweepUploads } from "../../application/files/sweep-uploads.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Policies } from "../../application/ports/policies.ts";
import { sealCredentials } from "../../application/tokens.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { type CredentialsGrant, credentialsPrefix } from "../../domain/credentials-grant.ts";
import { isFolded, type ObjectKey } from "../../domain/storage-key.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";
import { later } from "./later.ts";
import { stores } from "./stores.ts";

// Objects as tools store them, by the key of the tests: completing is the same whoever stored them.

const TOOLS = {
  ...defaultPolicy,
  credentials: true,
  arrival: "incoming",
  verifyContent: false,
} as const;

/** Names of objects that become files, if the store takes them. */
const FILES = [
  "a.png",
  "b/c d+e.png",
  "b/100%25%2f.png",
  'b/it\'s "a" & <b>.png',
  "b/?q=1#f.png",
  "b/é你😀.png",
  "b/e\u0301.png",
  "b/!$()*,:;=@[]^`{|}~.png",
  "b/.hidden.png",
  "b/...png",
  "b/..a/b..png",
  `${"d/".repeat(31)}e.png`,
];
/** Names of objects that become none. */
const REFUSED = [
  "/x.png",
  "b//x.png",
  "b/\u0001.png",
  "b/\n\r\t.png",
  "b\\x.png",
  "C:/x.png",
  "b/\u202egnp.exe.png",
  `${"d/".repeat(32)}e.png`,
  `${"y".repeat(252)}.png`,
  "./x.png",
  "b/../x.png",
  "b/./x.png",
  "b/..",
  "..",
];
/** Which tools store for a folder. */
const MARKERS = ["", "b/", "o/"];

/** Returns true if the store took an object. */
async function put(subject: Subject, key: string, body = CONTENT) {
  const size = ByteSize.make(body.length || 1);
  const { url, headers } = await subject.signPut({ key: key as ObjectKey, size });
  try {
    return (await send("PUT", url, { headers, body })).ok;
  } catch {
    // Some end the connection.
    return false;
  }
}

const grantFor = (organization: CredentialsGrant["organization"]): CredentialsGrant => {
  const now = DateTime.makeUnsafe(Date.now());
  const later = DateTime.addDuration(now, "1 hour");
  return {
    id: crypto.randomUUID(),
    policy: "tools",
    subject: "member",
    kind: "user",
    organization,
    template: TOOLS.key,
    maxBytes: 2 ** 30,
    issuedAt: now,
    expiresAt: later,
    completeUntil: later,
  };
};

async function completeAll(subject: Subject, grant: CredentialsGrant) {
  const files = new Map<string, string>();
  const refused = new Set<string>();
  let token: string | undefined = (
    await subject.granted(() => Effect.map(sealCredentials(grant), (sealed) => ({ sealed })))
  ).sealed;
  while (token !== undefined) {
    const asked: string = token;
    const page = done(
      await subject.run((member) =>
        Effect.provideService(
          completeCredentials({ member, grant: asked }),
          Policies,
          new Map([["tools", TOOLS]]),
        ),
      ),
    );
    for (const { path = "", key } of page.files) files.set(path, key);
    for (const { path } of page.refused) refused.add(path);
    token = page.next;
  }
  return { files, refused };
}

const namesBelow = async ({ store }: Subject, prefix: string) => {
  const { list } = store;
  assert.ok(list);
  const { found } = await Effect.runPromise(list.objects({ prefix, limit: 1000 }));
  return found.map(({ key }) => key.slice(prefix.length));
};

const completing = promises(["copies"], {
  "objects of any name become files or are refused, and no other object is touched": async (
    subject,
  ) => {
    const key = newKey(subject.organization);
    await put(subject, key, OTHER);
    const grant = grantFor(key.split("/")[1] as CredentialsGrant["organization"]);
    const prefix = credentialsPrefix(grant);
    const victim = `../../../../${key}`;
    const stored = new Set<string>();
    for (const name of [...FILES, ...REFUSED, victim]) {
      if (await put(subject, `${prefix}${name}`)) stored.add(name);
    }
    for (const name of MARKERS) await put(subject, `${prefix}${name}`, new Uint8Array());
    const listed = new Set(await namesBelow(subject, prefix));
    assert.ok(stored.has("a.png"));
    const { files, refused } = await completeAll(subject, grant);
    const isFile = new Set(FILES);
    for (const name of listed) {
      if (isFile.has(name)) assert.ok(files.has(name), `${JSON.stringify(name)} is no file`);
      else if (!name.endsWith("/") && name !== "")
        assert.ok(refused.has(name), JSON.stringify(name));
    }
    assert.deepEqual(
      [...files.keys()].filter((name) => !isFile.has(name)),
      [],
    );
    for (const name of ["a.png", "b/c d+e.png", "b/100%25%2f.png", 'b/it\'s "a" & <b>.png']) {
      if (stored.has(name)) assert.ok(files.has(name), `${name} is no file`);
    }
    const left = await namesBelow(subject, prefix);
    assert.deepEqual(
      left.filter((name) => !isFolded(name)),
      [],
    );
    const old = later(subject.store, 30, (each) => each.startsWith("incoming/"));
    await Effect.runPromise(
      sweepUploads(3, (_, remove) => remove).pipe(Effect.provideService(ObjectStore, old)),
    );
    const file = await subject.find(key);
    assert.equal(file?.size, OTHER.length);
  },
});

// Others give out no credentials.
for (const store of stores) {
  const lacks = store.without ?? [];
  if (lacks.includes("scoped credentials") || lacks.includes("copies")) continue;
  register(store, completing);
}
