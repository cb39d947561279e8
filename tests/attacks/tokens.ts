import { createHmac } from "node:crypto";
import {
  type Attack,
  bearer,
  good,
  granted,
  hostOf,
  JSON_TYPE,
  type Outcome,
  PRESIGN,
  refused,
  type Site,
  wire,
} from "./attack.ts";

const unknown = refused(401, "UNAUTHENTICATED");

const encode = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
const partsOf = (token: string) => token.split(".") as [string, string, string];
const seconds = () => Math.floor(Date.now() / 1000);

/** A good token's claims under another header, with a signature that is not the issuer's. */
async function forge({ issuer }: Site, header: object, seal: (content: string) => string) {
  const [, claims] = partsOf(await issuer.sign());
  const content = `${encode(header)}.${claims}`;
  return `${content}.${seal(content)}`;
}

const hmac = (secret: string) => (content: string) =>
  createHmac("sha256", secret).update(content).digest("base64url");

/** A token of the thief with the claims of the issuer. */
const stolen = ({ issuer, thief }: Site, header: Readonly<Record<string, unknown>>) =>
  thief.sign({ iss: issuer.url }, header);

/** The `Authorization` header's value, or a list of them. */
type Credentials = string | ReadonlyArray<string>;

const TABLE: ReadonlyArray<
  readonly [input: string, token: (site: Site) => Promise<string>, outcome?: Outcome]
> = [
  ["signed by the issuer", ({ issuer }) => issuer.sign(), granted()],
  [
    "signed with the issuer's other key",
    ({ issuer }) => issuer.sign({}, { alg: "ES256" }),
    granted(),
  ],
  ["the algorithm none, and no signature", (site) => forge(site, { alg: "none" }, () => "")],
  ["the algorithm nOnE, and no signature", (site) => forge(site, { alg: "nOnE" }, () => "")],
  ["no algorithm", (site) => forge(site, { kid: "rs256-1" }, () => "")],
  [
    "the public key taken for a shared secret",
    (site) => forge(site, { alg: "HS256", kid: "rs256-1" }, hmac(site.issuer.publicPem)),
  ],
  [
    "the public key without its last line end, taken for a shared secret",
    (site) => forge(site, { alg: "HS256", kid: "rs256-1" }, hmac(site.issuer.publicPem.trim())),
  ],
  ["an empty shared secret", (site) => forge(site, { alg: "HS256" }, hmac(""))],
  [
    "an algorithm that the key is not for",
    (site) => forge(site, { alg: "ES256", kid: "rs256-1" }, () => "A".repeat(86)),
  ],
  [
    "a signature of zeros",
    (site) => forge(site, { alg: "ES256", kid: "es256-1" }, () => "A".repeat(86)),
  ],
  ["a thief's key under the issuer's name", (site) => stolen(site, {})],
  ["an unknown key", (site) => stolen(site, { kid: "unknown" })],
  [
    "a second unknown key, which must not make the service ask the issuer again",
    (site) => stolen(site, { kid: "unknown-2" }),
  ],
  ["a key's name that is a path", (site) => stolen(site, { kid: "../../../../dev/null" })],
  ["a key's name that is an SQL condition", (site) => stolen(site, { kid: "' OR 1=1 --" })],
  ["a key's name that is a URL", (site) => stolen(site, { kid: site.thief.jwksUrl })],
  ["a key's name __proto__, which all objects have", (site) => stolen(site, { kid: "__proto__" })],
  ["a key's name that is a list", (site) => forge(site, { alg: "RS256", kid: [] }, () => "AAAA")],
  ["a jku with the address of a thief's keys", (site) => stolen(site, { jku: site.thief.jwksUrl })],
  ["an x5u with the address of a certificate", (site) => stolen(site, { x5u: site.thief.jwksUrl })],
  [
    "a jwk with the thief's key",
    async (site) => {
      const { keys } = await (await fetch(site.thief.jwksUrl)).json();
      return stolen(site, { jwk: keys[0] });
    },
  ],
  ["an x5c with a certificate", (site) => stolen(site, { x5c: ["MIIB"] })],
  [
    "a crit with a header that is not known",
    ({ issuer }) => issuer.sign({}, { crit: ["x"], x: 1 }),
  ],
  [
    "expired 62 seconds ago, longer than clocks may differ",
    ({ issuer }) => issuer.sign({ exp: seconds() - 62 }),
  ],
  [
    "expired 30 seconds ago, within what clocks may differ",
    ({ issuer }) => issuer.sign({ exp: seconds() - 30 }),
    granted(),
  ],
  ["expired in 1970", ({ issuer }) => issuer.sign({ exp: 0 })],
  ["not valid yet", ({ issuer }) => issuer.sign({ nbf: seconds() + 120 })],
  ["no expiry", ({ issuer }) => issuer.sign({ exp: undefined })],
  ["an expiry in quotes", ({ issuer }) => issuer.sign({ exp: "9999999999" })],
  ["another audience", ({ issuer }) => issuer.sign({ aud: "another" })],
  [
    "an audience that begins like the right one",
    ({ issuer }) => issuer.sign({ aud: "valetkey.evil.test" }),
  ],
  ["no audience", ({ issuer }) => issuer.sign({ aud: undefined })],
  ["another issuer's name", ({ issuer }) => issuer.sign({ iss: "https://evil.test" })],
  [
    "the issuer's name with a slash behind it",
    ({ issuer }) => issuer.sign({ iss: `${issuer.url}/` }),
  ],
  [
    "two issuers, one of them the right one",
    ({ issuer }) => issuer.sign({ iss: [issuer.url, "evil"] }),
  ],
  ["no issuer", ({ issuer }) => issuer.sign({ iss: undefined })],
  ["no subject", ({ issuer }) => issuer.sign({ sub: undefined })],
  ["an empty subject", ({ issuer }) => issuer.sign({ sub: "" })],
  ["a subject that is an object", ({ issuer }) => issuer.sign({ sub: { toString: "user-1" } })],
  ["a subject that is a list", ({ issuer }) => issuer.sign({ sub: ["user-1"] })],
  ["a subject with a line end, meant for the log", ({ issuer }) => issuer.sign({ sub: "a\r\n{}" })],
  ["a subject of 257 letters", ({ issuer }) => issuer.sign({ sub: "u".repeat(257) })],
  ["a subject of 10 kB", ({ issuer }) => issuer.sign({ sub: "u".repeat(10_000) })],
  ["claims that were changed afterwards", ({ issuer }) => tamper(issuer, { sub: "admin" })],
  ["a signature that was cut", async ({ issuer }) => (await issuer.sign()).slice(0, -8)],
  ["a part too few", async ({ issuer }) => (await issuer.sign()).replace(/\.[^.]*$/, "")],
  ["a part too many", async ({ issuer }) => `${await issuer.sign()}.AAAA`],
  ["dots alone", async () => ".."],
  ["parts that are not JSON", async () => "AAAA.AAAA.AAAA"],
  [
    "claims that are not an object",
    async ({ issuer }) => {
      const [header, , seal] = partsOf(await issuer.sign());
      return `${header}.${encode([1])}.${seal}`;
    },
  ],
  [
    "64 kB",
    async ({ issuer }) => `${await issuer.sign()}${"A".repeat(64 * 1024)}`,
    refused(431, "HEADERS_TOO_LARGE"),
  ],
];

/** A good token with other claims than were signed. */
async function tamper(issuer: Site["issuer"], change: object) {
  const [header, claims, seal] = partsOf(await issuer.sign());
  const changed = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), ...change };
  return `${header}.${encode(changed)}.${seal}`;
}

/** A good token, sent in a wrong way. */
const CARRIAGES: ReadonlyArray<
  readonly [input: string, headers: (token: string) => Credentials, query?: true]
> = [
  ["no header", () => []],
  ["another scheme", (token) => `Authorization: Basic ${token}`],
  ["no scheme", (token) => `Authorization: ${token}`],
  ["two headers, both good", (token) => [bearer(token), bearer(token)]],
  ["two headers, the good one first", (token) => [bearer(token), bearer("x")]],
  ["two headers, the good one last", (token) => [bearer("x"), bearer(token)]],
  [
    "two headers with 2,000 others between them",
    (token) => [bearer(token), ...Array.from({ length: 2000 }, () => "X: y"), bearer("x")],
  ],
  ["two tokens in one header", (token) => bearer(`${token}, ${token}`)],
  ["a parameter behind the token", (token) => `${bearer(token)}; scope=all`],
  ["quotes around the token", (token) => bearer(`"${token}"`)],
  ["another header", (token) => `X-Authorization: Bearer ${token}`],
  ["a cookie", (token) => `Cookie: token=${token}`],
  ["a query parameter, which logs would keep", () => [], true],
];

export const tokens: ReadonlyArray<Attack> = [
  ...TABLE.map(([input, token, outcome = unknown]): Attack => ({
    input: `a token (${input})`,
    to: "jwt",
    request: async (site) => carry(site, bearer(await token(site))),
    outcome,
  })),
  ...CARRIAGES.map(([input, headers, inQuery]): Attack => ({
    input: `a good token, sent with ${input},`,
    to: "jwt",
    request: async (site) => {
      const token = await site.issuer.sign();
      return carry(site, headers(token), inQuery === true ? `?access_token=${token}` : "");
    },
    outcome: unknown,
  })),
];

const carry = ({ jwt }: Site, credentials: Credentials, query = "") =>
  wire({
    line: `POST ${PRESIGN}${query} HTTP/1.1`,
    host: hostOf(jwt),
    headers: [JSON_TYPE, ...[credentials].flat()],
    body: JSON.stringify(good),
  });
