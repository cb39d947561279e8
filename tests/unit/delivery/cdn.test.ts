import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { expect, it } from "@effect/vitest";
import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";
import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";
import { make as makeCloudfront } from "../../../adapters/delivery/cdn/cloudfront.ts";
import { make as makeGoogle } from "../../../adapters/delivery/cdn/google.ts";
import { read } from "../../../adapters/delivery/cdn/settings.ts";
import { presignerAt } from "../../../adapters/delivery/cdn/through-cdn.ts";
import { variables } from "../../../adapters/settings/source.ts";
import type { GetRequest, Presigner } from "../../../application/ports/presigner.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { parse } from "../../../domain/storage-key.ts";
import { nastyText } from "../../support/nasty-text.ts";
import { opensAt } from "../../support/signed-by-cdn.ts";
import { tries } from "../../support/tries.ts";

const ROOT = "https://cdn.example.com";
const GOOGLE_KEY = "nZtRohdNF9m3cKM24IcK4w==";
const END = 1_549_751_401;
const pairOf = (type: "rsa" | "ec") => {
  const options = {
    modulusLength: 2048,
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  } as const;
  return type === "rsa" ? generateKeyPairSync("rsa", options) : generateKeyPairSync("ec", options);
};
const RSA = pairOf("rsa");

// The values are those of the tests of Google's samples: GoogleCloudPlatform/python-docs-samples.
it("Google's addresses and cookies are those of its samples", async () => {
  const { sign, cookies } = await makeGoogle("my-key", GOOGLE_KEY);
  const end = `Expires=${END}&KeyName=my-key&Signature=`;
  expect(sign("http://35.186.234.33/index.html", END, "inline")).toBe(
    `http://35.186.234.33/index.html?${end}CRFqQnVfFyiUyR63OQf-HRUpIwc=`,
  );
  expect(sign("http://www.example.com/some/path?some=query&another=param", END, "inline")).toBe(
    `http://www.example.com/some/path?some=query&another=param&${end}9Q9TCxSju8-W5nUkk5CuTrun2_o=`,
  );
  expect(cookies("http://www.example.com/foo/", END)).toEqual({
    "Cloud-CDN-Cookie": `URLPrefix=aHR0cDovL3d3dy5leGFtcGxlLmNvbS9mb28v:Expires=${END}:KeyName=my-key:Signature=Z9uYAu73YHioRScZDxnP-TnS274=`,
  });
});

it.each(["rsa", "ec"] as const)(
  "CloudFront's addresses open exactly the file with its name, for a key of type %s",
  async (type) => {
    const pair = pairOf(type);
    const { sign, cookies } = await makeCloudfront("K2JCJMDEHXQW5F", pair.privateKey);
    const keys = { cloudfront: pair.publicKey };
    fc.assert(
      fc.property(nastyText, fc.integer({ min: 1, max: 4e9 }), (name, end) => {
        const disposition = `inline; filename="${encodeURIComponent(name)}"`;
        const url = sign(`${ROOT}/orgs/org_1/files/2026/11/a.png`, end, disposition);
        const { searchParams } = new URL(url);
        expect(searchParams.get("response-content-disposition")).toBe(disposition);
        expect(opensAt(url, "", end - 1, keys)).toBe(true);
        expect(opensAt(url, "", end, keys)).toBe(false);
        expect(opensAt(url.replace("org_1", "org_2"), "", end - 1, keys)).toBe(false);
        expect(opensAt(url.replace("inline", "attach"), "", end - 1, keys)).toBe(false);
      }),
      { numRuns: tries(20) },
    );
    const folder = Object.entries(cookies(`${ROOT}/orgs/org_1/albums/`, END))
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
    const opens = (path: string, at = END - 1) => opensAt(`${ROOT}/${path}`, folder, at, keys);
    expect(opens("orgs/org_1/albums/a.png")).toBe(true);
    expect(opens("orgs/org_1/albums/a.png", END)).toBe(false);
    for (const path of ["orgs/org_1/files/a.png", "orgs/org_10/albums/a.png", "orgs/org_1/albums"])
      expect(opens(path)).toBe(false);
  },
);

it("CloudFront's signatures are the official client's", async () => {
  const { sign, cookies } = await makeCloudfront("K2JCJMDEHXQW5F", RSA.privateKey);
  const key = { keyPairId: "K2JCJMDEHXQW5F", privateKey: RSA.privateKey };
  const url = `${ROOT}/a.png?response-content-disposition=inline%3B%20filename%3D%22a%2A.png%22`;
  expect(sign(`${ROOT}/a.png`, END, 'inline; filename="a*.png"')).toBe(
    getSignedUrl({ ...key, url, dateLessThan: new Date(END * 1000).toISOString() }),
  );
  const policy = `{"Statement":[{"Resource":"${ROOT}/orgs/*","Condition":{"DateLessThan":{"AWS:EpochTime":${END}}}}]}`;
  expect(cookies(`${ROOT}/orgs/`, END)).toEqual(getSignedCookies({ ...key, policy }));
});

const NAME = "5007cd59-14b0-4a8f-9bfa-7debee4b183d";
const requestOf = (over: Partial<GetRequest> = {}, key = `orgs/org_1/files/2026/11/${NAME}.png`) =>
  ({
    key: Option.getOrThrow(parse(key)).key,
    lifetime: Lifetime.make(Duration.hours(24)),
    minLifetime: Lifetime.make(Duration.minutes(1)),
    audience: "public",
    responseMediaType: MediaType.make("image/png"),
    responseDisposition: 'inline; filename="a.png"',
    ...over,
  }) satisfies GetRequest;
const store = {
  get: () => Effect.succeed({ url: "the store's" }),
} as unknown as Presigner["Service"];
const PUBLIC = `orgs/org_1/public/2026/11/${NAME}.png`;
const svg = MediaType.make("image/svg+xml");
const pdf = MediaType.make("application/pdf");

it.effect.each<[string, GetRequest, signed: boolean, unsigned: boolean]>([
  ["a private file", requestOf(), true, false],
  ["a public file", requestOf({}, PUBLIC), true, true],
  ["a call of a service", requestOf({ audience: "internal" }, PUBLIC), false, false],
  ["a version", requestOf({ version: "1" }, PUBLIC), false, false],
  ["a type that is executed", requestOf({ responseMediaType: svg }, PUBLIC), false, false],
  ["a PDF to be shown", requestOf({ responseMediaType: pdf }), false, false],
  ["a file to be saved", requestOf({ responseDisposition: "attachment" }, PUBLIC), false, false],
])("%s is left to the store unless the CDN keeps to what is signed", ([, request, ...expected]) =>
  Effect.gen(function* () {
    const signer = yield* Effect.promise(() => makeGoogle("my-key", GOOGLE_KEY));
    for (const [index, each] of [signer, undefined].entries()) {
      const { url } = yield* presignerAt(store, ROOT, each).get(request);
      expect(url.startsWith(`${ROOT}/${request.key}`)).toBe(expected[index]);
    }
  }),
);

it.effect("an address of the CDN stays the same within a window, and ends with the lifetime", () =>
  Effect.gen(function* () {
    const signer = yield* Effect.promise(() => makeGoogle("my-key", GOOGLE_KEY));
    const { get } = presignerAt(store, ROOT, signer);
    const window = Duration.hours(3);
    const at = (time: string, over: object = { window }) =>
      Effect.andThen(TestClock.setTime(Date.parse(time)), get(requestOf(over)));
    const first = yield* at("2026-12-01T00:00:00Z");
    const last = yield* at("2026-12-01T02:59:59.999Z");
    const next = yield* at("2026-12-01T03:00:00Z");
    const free = yield* at("2026-12-01T03:00:01.500Z", {});
    expect(last).toEqual(first);
    expect(next.url).not.toBe(first.url);
    expect(DateTime.formatIso(first.expiresAt)).toBe("2026-12-02T00:00:00.000Z");
    expect(DateTime.formatIso(free.expiresAt)).toBe("2026-12-02T03:00:01.000Z");
    expect(new URL(first.url).searchParams.get("Expires")).toBe(
      String(Date.parse("2026-12-02") / 1000),
    );
  }),
);

const faultsOf = (env: Record<string, string>) =>
  Result.match(read(variables(env)), {
    onSuccess: () => [],
    onFailure: (faults) => faults.map(({ setting }) => setting.variable),
  });
const GOOGLE = { CDN_SIGNER: "google", CDN_KEY_ID: "my-key", CDN_KEY: GOOGLE_KEY, CDN_URL: ROOT };

it.each<[object, ReadonlyArray<string>]>([
  [{}, []],
  [{ CDN_SIGNER: undefined, CDN_KEY_ID: undefined, CDN_KEY: undefined }, []],
  [{ CDN_URL: undefined }, ["CDN_URL"]],
  [{ CDN_KEY: undefined, CDN_KEY_ID: undefined }, ["CDN_KEY_ID", "CDN_KEY"]],
  [{ CDN_SIGNER: undefined }, ["CDN_SIGNER", "CDN_SIGNER"]],
  [{ CDN_KEY: RSA.privateKey }, ["CDN_KEY"]],
  [{ CDN_SIGNER: "cloudfront" }, ["CDN_KEY"]],
  [{ CDN_SIGNER: "cloudfront", CDN_KEY: RSA.privateKey }, []],
  [{ CDN_SIGNER: "cloudfront", CDN_KEY: RSA.privateKey.replaceAll("\n", "\\n") }, []],
  [{ CDN_SIGNER: "cloudfront", CDN_KEY: RSA.publicKey }, ["CDN_KEY"]],
])("the settings of a CDN with %j have these faults: %j", (over, faulty) => {
  const env = Object.entries({ ...GOOGLE, ...over }).filter(([, value]) => value !== undefined);
  expect(faultsOf(Object.fromEntries(env))).toEqual(faulty);
});
