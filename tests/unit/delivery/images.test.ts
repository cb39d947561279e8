import { generateUrl } from "@imgproxy/imgproxy-js-core";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sign } from "../../../adapters/delivery/images/imgproxy.ts";
import { layer } from "../../../adapters/delivery/images/servers.ts";
import { read } from "../../../adapters/delivery/images/settings.ts";
import { sentenceFor } from "../../../adapters/settings/setting.ts";
import { type Env, VARIABLES, variables } from "../../../adapters/settings/source.ts";
import { ImageServer } from "../../../application/ports/image-server.ts";
import { nastyText } from "../../support/nasty-text.ts";
import { tries } from "../../support/tries.ts";

const KEY = "0b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a9c0e2b4d6f8a0c1e3b5d7f9a0c2e4b6d";
const SALT = "9f0e1d2c3b4a5968778695a4b3c2d1e00f1e2d3c4b5a69788796a5b4c3d2e1f0";
// With a path, and a slash that is not doubled.
const URL_OF_SERVER = "https://example.com/images";
const IMGPROXY = { IMAGES: "imgproxy", IMAGES_KEY: KEY, IMAGES_SALT: SALT };
const THUMBOR = { IMAGES: "thumbor", IMAGES_KEY: KEY };
const CLOUDFLARE = { IMAGES: "cloudflare" };

const serverOf = (env: Env) => {
  const settings = Result.getOrThrow(read(variables({ IMAGES_URL: `${URL_OF_SERVER}/`, ...env })));
  const server = ImageServer.pipe(Effect.provide(layer(settings)), Effect.runPromise);
  return server.then((server) => server ?? expect.fail("there is no server"));
};

const faultsOf = (env: Env) =>
  Result.match(read(variables(env)), {
    onSuccess: () => [],
    onFailure: (faults) => faults.map((fault) => sentenceFor(fault, VARIABLES)),
  });

const picture = fc
  .record({
    path: nastyText,
    query: fc.webQueryParameters(),
    width: fc.integer({ min: 16, max: 4096 }),
    end: fc.integer({ min: 1, max: 2 ** 33 }),
  })
  .map(({ path, query, width, end }) => {
    const source = new URL("http://store:9000/files");
    source.pathname = `/files/${path}`;
    source.search = query;
    return { url: source.href, width, end, expiresAt: DateTime.makeUnsafe(end * 1000 + 999) };
  });

describe("imgproxy", () => {
  it("an address is that of the official builder, for the same picture", async () => {
    const { addressOf } = await serverOf(IMGPROXY);
    fc.assert(
      fc.property(picture, (asked) => {
        const { width, end: expires } = asked;
        const value = Buffer.from(asked.url).toString("base64url");
        const path = generateUrl({ value, type: "base64" }, { width, expires });
        expect(addressOf(asked, width)).toBe(
          `${URL_OF_SERVER}/${sign(path, { key: KEY, salt: SALT })}${path}`,
        );
      }),
      { numRuns: tries(500) },
    );
  });

  it("a signature is that of the example in its documentation", () => {
    const path =
      "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png";
    const keys = { key: "736563726574", salt: "68656C6C6F" };
    expect(sign(path, keys)).toBe("oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8");
  });
});

describe("thumbor", () => {
  // A real one is asked by tests/contract/images.test.ts.
  it("an address has the whole source in one segment, and nothing of it outside", async () => {
    const { addressOf } = await serverOf(THUMBOR);
    fc.assert(
      fc.property(picture, (asked) => {
        const { origin, pathname, search, hash } = new URL(addressOf(asked, asked.width));
        expect([origin, search, hash]).toEqual(["https://example.com", "", ""]);
        const [, , signature, size, filter, source = "", ...more] = pathname.split("/");
        expect(signature).toMatch(/^[\w-]{27}=$/);
        expect([size, filter, more]).toEqual([`${asked.width}x0`, "filters:no_upscale()", []]);
        expect(decodeURIComponent(source)).toBe(asked.url);
      }),
      { numRuns: tries(200) },
    );
  });
});

describe("cloudflare", () => {
  it("an address has the form of its page: a zone, options and the source as it is", async () => {
    const { addressOf, audience } = await serverOf(CLOUDFLARE);
    const url = "https://store.example.com/files/a.png?X-Amz-Credential=A%2Fb&c=d";
    expect(addressOf({ url, expiresAt: DateTime.makeUnsafe(0) }, 320)).toBe(
      `${URL_OF_SERVER}/cdn-cgi/image/width=320,fit=scale-down,format=auto/${url}`,
    );
    expect(audience).toBe("public");
  });
});

it.each<[Env, ReadonlyArray<string>]>([
  [{}, []],
  // The files for Compose make a key, whether it is used or not.
  [{ IMAGES_KEY: KEY, IMAGES_SALT: SALT }, []],
  [{ IMAGES_URL: URL_OF_SERVER }, ["IMAGES must be set where IMAGES_URL is"]],
  [THUMBOR, ["IMAGES_URL must be set where IMAGES is"]],
  [
    { IMAGES: "imgproxy", IMAGES_URL: URL_OF_SERVER },
    ["IMAGES_KEY must be set where IMAGES is", "IMAGES_SALT must be set where IMAGES is"],
  ],
  [{ IMAGES: "thumbor", IMAGES_URL: URL_OF_SERVER }, ["IMAGES_KEY must be set where IMAGES is"]],
  [
    { ...IMGPROXY, IMAGES_URL: URL_OF_SERVER, IMAGES_KEY: `${KEY}_` },
    ["IMAGES_KEY must be in hexadecimal, as imgproxy has it"],
  ],
])("%j is refused with %j", (env, faults) => {
  expect(faultsOf(env)).toEqual(faults);
});
