import assert from "node:assert/strict";
import { encodeKey } from "../../storage/signing/v4.ts";
import { send } from "../sending/send.ts";
import { serviceAccountCall } from "../sending/minio-admin.ts";
import { formCall, sendSigned } from "../sending/signed-call.ts";
import { ownChecks } from "../scoped/own-checks.ts";
import { reachingOwn } from "../scoped/own-reach.ts";
import * as calls from "../scoped/s3-calls.ts";
import { callIn, fill } from "../scoped/s3-calls.ts";
import { type Reach, reaching } from "../scoped/s3-reach.ts";
import { promises } from "./store-promise.ts";
import { attemptWith, HARMS, UNSIGNED_HEADERS } from "./unsigned-headers.ts";

const checks: Readonly<Record<keyof typeof ownChecks, (reach: Reach) => Promise<void>>> = {
  "put below their prefix, whole and in parts": async (reach) => {
    const { done, begin, call, values, expectStored } = reach;
    for (const KEY of ["OWN", "PREFIXb/é ä/c+d.parquet"].map((name) => fill(name, values))) {
      await done("PUT BUCKET/KEY <CONTENT", { KEY });
      await expectStored(KEY, calls.CONTENT);
    }
    const more = await begin();
    await done("GET BUCKET/OWN?uploadId=UPLOAD", more);
    await done("POST BUCKET/OWN?uploadId=UPLOAD <COMPLETION", more);
    await expectStored(reach.own, calls.CONTENT);
    const other = await begin();
    await done("DELETE BUCKET/OWN?uploadId=UPLOAD", other);
    const { status } = await call("GET BUCKET/OWN?uploadId=UPLOAD", other);
    assert.equal(status, 404, "an aborted upload is there");
  },
  "read, change and remove no object, nor their own": async ({ expectRefused }) => {
    for (const key of ["VICTIM", "NEIGHBOUR", "OWN"]) {
      for (const line of calls.OBJECT_CALLS) await expectRefused(line, { key });
    }
  },
  "write under no other name, however it is spelled": async (reach) => {
    const { granted, values, attempt, expectRefused } = reach;
    for (const key of calls.NEAR_NAMES) {
      for (const line of calls.ELSEWHERE_CALLS) await expectRefused(line, { key });
      const tried = formCall(granted, `${values["BUCKET"]}`, fill(key, values), calls.CONTENT);
      await expectRefused("POST BUCKET with a form for KEY", { key, tried });
    }
    for (const line of calls.FOREIGN_UPLOADS) await attempt(line);
    for (const spelled of calls.SPELLED_PATHS) {
      const KEY = fill(spelled, values);
      for (const line of calls.SPELLED_CALLS) {
        const tried = callIn(line, { ...values, KEY }, "as written");
        for (const signedPath of readingsOf(tried.path)) {
          await attempt(line.replace("KEY", spelled), { ...tried, signedPath });
        }
      }
    }
  },
  "copy nothing, however its source is spelled": async ({ values, attempt, expectStored }) => {
    for (const source of calls.COPY_SOURCES) {
      for (const line of calls.COPYING_CALLS) {
        const COPY = `${values["PREFIX"]}${crypto.randomUUID()}`;
        const tried = callIn(line, { ...values, COPY, SOURCE: fill(source, values) });
        const said = line.replace("SOURCE", source);
        const { ok, body } = await attempt(said, tried);
        assert.ok(!ok || !/Copy(?:Object|Part)Result/.test(`${body}`), `${said}: it is copied`);
        // A server that does not know the header stores the body.
        if (ok && tried.path.endsWith(COPY)) await expectStored(COPY, `${tried.body}`);
      }
    }
  },
  "list nothing else": async ({ attempt, expectRefused }) => {
    for (const line of calls.REFUSED_LISTS) await expectRefused(line);
    for (const line of calls.BOUND_LISTS) await attempt(line);
  },
  "reach no settings, buckets or users": async ({ attempt, expectRefused, call, values }) => {
    for (const each of Object.keys(calls.SUBRESOURCES)) await expectRefused(`GET BUCKET?${each}`);
    for (const line of calls.HARMLESS_CALLS) await attempt(line);
    for (const line of calls.REFUSED_CALLS) await expectRefused(line);
    // What is written comes last, and is undone, since it may be a bucket in use.
    for (const [each, template] of Object.entries(calls.SUBRESOURCES)) {
      const settings = template && fill(template, values);
      const { ok, body } = await call(`GET BUCKET?${each}`);
      try {
        await expectRefused(`PUT BUCKET?${each} <SETTINGS`, { SETTINGS: settings ?? "<a/>" });
        if (settings !== undefined) await expectRefused(`DELETE BUCKET?${each}`);
      } catch (cause) {
        if (ok) await call(`PUT BUCKET?${each} <SETTINGS`, { SETTINGS: `${body}` });
        else if (settings !== undefined) await call(`DELETE BUCKET?${each}`);
        throw cause;
      }
    }
  },
  "lock and publish nothing by a header of a PUT": async (reach) => {
    const { attempt, call, values, own, granted } = reach;
    const url = `${granted.endpoint}/${values["BUCKET"]}/${encodeKey(own)}`;
    const content = Buffer.from(calls.CONTENT);
    const place = { bucket: `${values["BUCKET"]}`, other: `${values["VICTIM"]}`, content };
    for (const row of [...HARMS.flatMap((harm) => UNSIGNED_HEADERS[harm]), ...calls.HEADERS]) {
      const { headers, body } = attemptWith(row, place, `${values["NEW"]}`);
      const put = { ...callIn("PUT BUCKET/OWN", values), body };
      const said = `PUT BUCKET/OWN ${Object.keys(row).join(" ")}`;
      const answer = await attempt(said, { ...put, headers });
      if (!answer.ok) continue;
      const after = await call("GET BUCKET/OWN");
      assert.ok(!after.ok || after.body.equals(body), `${said}: it has other bytes`);
      assert.ok(!(await send("GET", url)).ok, `${said}: everybody may read it`);
      const version = answer.headers["x-amz-version-id"];
      const removal = `DELETE BUCKET/OWN${version === undefined ? "" : `?versionId=${version}`}`;
      assert.ok((await call(removal)).ok, `${said}: it cannot be removed`);
    }
  },
  "last no longer than they say, and make no others": async (reach) => {
    const { granted, other, values, expectRefused, call, service } = reach;
    const { accessKey, secretKey, sessionToken: token } = granted;
    const account = `valetkey-${values["NEW"]?.slice(-12, -4)}`;
    const tried = serviceAccountCall(secretKey, account);
    try {
      await expectRefused("PUT minio/admin/v3/add-service-account", { tried });
      for (const line of calls.IAM_CALLS) {
        await expectRefused(line, { tried: calls.iamCallIn(line) });
      }
    } catch (cause) {
      await sendSigned(service, calls.iamCallIn("iam DeleteUser UserName=valetkey-attack"));
      await call(`DELETE minio/admin/v3/delete-service-account?accessKey=${account}`);
      throw cause;
    }
    for (const [how, changed] of Object.entries({
      "without their token": { sessionToken: undefined },
      "with the token of others": { sessionToken: other.sessionToken },
      "with a token that was cut": { sessionToken: token.slice(0, -9) },
      "with a later end in their token": { sessionToken: prolonged(token) },
      "with the secret of others": { accessKey, secretKey: other.secretKey },
      "with the key of others": { accessKey: other.accessKey, secretKey },
    })) {
      const put = callIn("PUT BUCKET/OWN <CONTENT", values);
      const { ok, status } = await sendSigned({ ...granted, ...changed }, put);
      assert.ok(!ok, `PUT BUCKET/OWN ${how}: the store answered with ${status}`);
    }
  },
};

/**
 * Credentials for one prefix may put there, and nothing else: the calls of S3's API are tried with
 * them, or those of the store's own.
 */
export const scoped = promises(
  ["scoped credentials"],
  Object.fromEntries(
    Object.entries(checks).map(([what, check]) => [
      `scoped credentials ${what}`,
      (subject) =>
        subject.s3 === undefined
          ? reachingOwn(subject, ownChecks[what as keyof typeof ownChecks])
          : reaching(subject, check),
    ]),
  ),
);

/** The paths that servers make of a written one before they compare signatures. */
function readingsOf(path: string): ReadonlySet<string> {
  let decoded = path;
  try {
    decoded = encodeKey(decodeURIComponent(path));
  } catch {
    // It is no UTF-8.
  }
  return new Set([
    path,
    decoded,
    new URL(path, "http://a").pathname,
    new URL(decoded, "http://a").pathname,
  ]);
}

/** A token whose content says that it ends in 2100, if it shows its content, as a JWT does. */
function prolonged(token: string): string {
  const [header, content = "", ...rest] = token.split(".");
  try {
    const claims = { ...JSON.parse(Buffer.from(content, "base64url").toString()), exp: 4102444800 };
    return [header, Buffer.from(JSON.stringify(claims)).toString("base64url"), ...rest].join(".");
  } catch {
    return `A${token.slice(1)}`;
  }
}
