import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import assert from "node:assert/strict";
import type { ScopedCredentials } from "../../../application/ports/scoped-credentials.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { type RawAnswer, send } from "../sending/send.ts";
import type { Subject } from "../subject/subject.ts";
import { BODIES, CALLS, CONTENT } from "./own-calls.ts";
import { openPlace, reachingBy, REFUSALS, SECRET } from "./place.ts";
import { fill, type Values } from "./s3-calls.ts";

export type OwnCheck = (reach: Awaited<ReturnType<typeof open>>) => Promise<void>;

/** Credentials by which a store's own API is called. */
export type Given = Exclude<ScopedCredentials, { readonly kind: "s3" }>;

/** For checks by the store's own API. */
export const reachingOwn = reachingBy(open);

async function open(subject: Subject) {
  const { store } = subject;
  const place = await openPlace(subject);
  const [given, others] = [ownIn(place.given), ownIn(place.others)];
  const calls = CALLS[given.kind];
  const sas = given.kind === "azure" && { SAS: Redacted.value(given.sas) };
  const values: Values = { ...BODIES, ...place.names, ...sas };
  const call = (line: string, more: Values = {}, by = given) =>
    sendLine(by, line, { ...values, ...more });
  const done = async (...args: Parameters<typeof call>) => {
    const answer = await call(...args);
    assert.ok(answer.ok, `${args[0]}: the store answered with ${answer.status}`);
    return answer;
  };
  await done(calls.put, { KEY: place.names.NEIGHBOUR, CONTENT: SECRET }, others);
  await done(calls.put, { KEY: place.names.OWN });
  const { look, check } = await place.watch();
  /** Sends a call, whose KEY is filled as well; its answer and effect have nothing of others. */
  const attempt = async (line: string, { KEY = "", ...more }: Values = {}, by = given) => {
    const answer = await call(line, { ...more, KEY: fill(KEY, values) }, by);
    await check(line.replace("KEY", KEY), answer);
    return answer;
  };
  return {
    given,
    calls,
    values,
    done,
    look,
    attempt,
    expectRefused: async (...[line, more, by]: Parameters<typeof attempt>) => {
      const { status } = await attempt(line, more, by);
      const said = line.replace("KEY", more?.["KEY"] ?? "");
      assert.ok(REFUSALS.has(status), `${said}: the store answered with ${status}`);
    },
    expectStored: (key: string, content = CONTENT) =>
      subject.expectContent(Buffer.from(content), key as typeof subject.key),
    remove: (key: string) => remove(store, key),
    /** Removes what is below the prefixes, and beside them. */
    clear: async () => {
      const prefix = place.names.CREDENTIALS;
      const listed = store.list?.objects({ prefix, limit: 1000 });
      const { found } = await Effect.runPromise(listed ?? Effect.succeed({ found: [] }));
      // Names with the segment `..`, which Azurite alone keeps, are never removed.
      await Promise.allSettled(found.map(({ key }) => remove(store, key)));
    },
  };
}

const remove = (store: Subject["store"], key: string) =>
  Effect.runPromise(store.remove({ key: key as ObjectKey, version: undefined }));

function ownIn(given: ScopedCredentials): Given {
  assert.ok(given.kind !== "s3", "they are of S3's API");
  return given;
}

/** Sends a line; in paths of Google's JSON API a name is one segment. */
function sendLine(given: Given, line: string, values: Values): Promise<RawAnswer> {
  const [method = "", target = "", ...rest] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  const encoded = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, encodeURIComponent(value)]),
  );
  const bodies = rest.filter((each) => each.startsWith("<"));
  const headers = rest
    .filter((each) => !each.startsWith("<"))
    .map((each) => [each.replace(/=.*/, ""), fill(each.replace(/^[^=]*=/, ""), values)]);
  const token = given.kind === "gcs" && {
    authorization: `Bearer ${Redacted.value(given.accessToken)}`,
  };
  const search = [fill(query, encoded), given.kind === "azure" && Redacted.value(given.sas)];
  const filled = fill(path, path.includes("storage/v1/") ? encoded : values);
  const url = `${given.endpoint}/${filled}?${search.filter(Boolean).join("&")}`;
  const hasBody = bodies.length > 0 || ["PUT", "POST", "PATCH"].includes(method);
  return send(method, url.replace(/\?$/, ""), {
    headers: { ...Object.fromEntries(headers), ...token },
    ...(hasBody && {
      body: bodies.map((each) => fill(fill(each.slice(1), values), values)).join(""),
    }),
  });
}
