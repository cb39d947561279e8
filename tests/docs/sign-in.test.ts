import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { answered } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { makeFolder } from "../support/make-folder.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { listen } from "../support/serve.ts";
import { startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { install, run } from "./applications.ts";

// The service with the settings of docs/sign-in.md, and tokens as the providers' pages describe them.
// Only the host of the keys is another.

const page = readFileSync(new URL("../../docs/sign-in.md", import.meta.url), "utf8");

/** The variables below a heading of the page, and those in its text that are for another setup. */
function settingsOf(heading: string) {
  const [, rest = ""] = page.split(`## ${heading}\n`);
  const [section = ""] = rest.split("\n## ");
  const [block = ""] = /(?:^ {4}\S.*\n)+/m.exec(section) ?? [];
  return { env: variablesIn(block), others: variablesIn(section.replace(block, "")) };
}

const variablesIn = (text: string): Env =>
  Object.fromEntries(
    [...text.matchAll(/(JWT_\w+|AUTH)=([^\s`]+)/g)].map((found) => found.slice(1)),
  );

type Env = Readonly<Record<string, string>>;

/** Starts the service so that it asks `keys` at the path of the page; gives the status of a presign. */
async function serviceWith({ JWT_JWKS_URL = "", ...env }: Env, keys: ReadonlyArray<object>) {
  const { pathname } = new URL(JWT_JWKS_URL);
  const issuer = await listen((request, response) => {
    response.statusCode = request.url === pathname ? 200 : 404;
    response.end(JSON.stringify({ keys }));
  });
  atTestEnd(issuer.close);
  const service = await startProcess({
    ...env,
    JWT_JWKS_URL: new URL(pathname, issuer.url).href,
    RECEIPT_KEYS: `2026:${receiptKey("2026").toString("base64")}`,
  });
  atTestEnd(service.stop);
  return async (token: string, organization: string) => {
    const address = `${service.address}/api/v1/orgs/${organization}/files/presign`;
    const init = {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ filename: "a.txt", content_type: "text/plain", size: 5 }),
    };
    const answer = await answered(() => fetch(address, init));
    const { key, code } = (await answer.json()) as { key?: string; code?: string };
    return key?.replace(/files\/.*/, "") ?? `${answer.status} ${code}`;
  };
}

type Claims = Readonly<Record<string, unknown>>;

/** What a provider's page, or the provider itself, shows of its tokens; a claim of null is left out. */
interface Provider {
  readonly alg: string;
  readonly header: object;
  /** Of the token that a page sends, which lets its caller in to this organization. */
  readonly claims: Claims;
  readonly organization: string;
  /** The folder of its files, if that is not its name. */
  readonly id?: string;
  /** How other tokens of the provider differ. */
  readonly refused: Readonly<Record<string, Claims>>;
  /** For a further setup, after a colon in its name: what the text of the page says in words. */
  readonly settings?: Env;
}

const PROVIDERS: Readonly<Record<string, Provider>> = JSON.parse(
  readFileSync(new URL("sign-in-tokens.json", import.meta.url), "utf8"),
);
const NOBODY = "401 UNAUTHENTICATED";

/** Signs with a fresh key, or with a secret. */
async function signerOf({ alg, header, claims }: Provider) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const sign = (other: Claims = {}, secret?: Uint8Array) => {
    const now = Math.floor(Date.now() / 1000);
    const all = Object.entries({ iat: now, exp: now + 60, ...claims, ...other });
    return new SignJWT(Object.fromEntries(all.filter(([, claim]) => claim !== null)))
      .setProtectedHeader({ ...header, kid: "1", alg: secret ? "HS256" : alg })
      .sign(secret ?? privateKey);
  };
  return { sign, keys: [{ ...(await exportJWK(publicKey)), alg, kid: "1", use: "sig" }] };
}

it("the page has a section for each provider, with the settings of AUTH=jwt", () => {
  const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  const names = Object.keys(PROVIDERS).filter((name) => !name.includes(":"));
  expect(headings).toEqual([...names, "What was tried"]);
});

it.each(Object.entries(PROVIDERS))(
  "the page for %s lets in who has such a token, to their organization alone, and refuses other tokens",
  async (name, provider) => {
    const { organization, id = organization, refused } = provider;
    const [heading = "", further] = name.split(":");
    const { env: first, others } = settingsOf(heading);
    const env = further === undefined ? first : { ...first, ...others, ...provider.settings };
    const { sign, keys } = await signerOf(provider);
    const ask = await serviceWith(env, keys);
    expect(await ask(await sign(), organization)).toBe(`orgs/${id}/`);
    expect(await ask(await sign(), "globex")).toBe("404 NOT_FOUND");
    const all = { ...refused, "of another issuer": { iss: "https://evil.example" } };
    for (const [which, other] of Object.entries(all)) {
      expect([which, await ask(await sign(other), organization)]).toEqual([which, NOBODY]);
    }
    const thief = await signerOf(provider);
    expect(await ask(await thief.sign(), organization)).toBe(NOBODY);
    const secret = new TextEncoder().encode("the-legacy-secret-of-a-whole-project");
    expect(await ask(await sign({}, secret), organization)).toBe(NOBODY);
    const reader = await sign({ scope: "openid read files:read uploads/read" });
    const hasScopes = env["JWT_SCOPES_CLAIM"] !== undefined;
    expect(await ask(reader, organization)).toBe(hasScopes ? "403 FORBIDDEN" : `orgs/${id}/`);
  },
);

it("Better Auth with the plugins of the page makes such tokens", async () => {
  const folder = makeFolder();
  const env = { ...process.env };
  await install("npm install better-auth@1.7.25", { into: folder, env });
  writeFileSync(join(folder, "plugins.mjs"), snippetsOf("docs/sign-in.md").get("plugins.js") ?? "");
  writeFileSync(join(folder, "issue.mjs"), ISSUE);
  const { stdout } = await run("node issue.mjs", { cwd: folder, env });
  const { token, keys, organization } = JSON.parse(stdout);
  const ask = await serviceWith(settingsOf("Better Auth").env, keys);
  expect(await ask(token, organization)).toBe(`orgs/${organization}/`);
  expect(await ask(token, "acme")).toBe("404 NOT_FOUND");
});

/** Signs Mia up, who makes an organization, and prints her token and the keys. */
const ISSUE = `
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { plugins } from "./plugins.mjs";
const names = ["user", "session", "account", "verification", "jwks", "organization", "member", "invitation"];
const auth = betterAuth({
  baseURL: "https://app.example.com",
  secret: "a-secret-of-thirty-two-letters-or-more",
  database: memoryAdapter(Object.fromEntries(names.map((name) => [name, []]))),
  emailAndPassword: { enabled: true },
  plugins,
});
let cookie = "";
async function call(path, body) {
  const answer = await auth.handler(new Request("https://app.example.com/api/auth" + path, {
    method: body ? "POST" : "GET",
    headers: { cookie, origin: "https://app.example.com", "content-type": "application/json" },
    body: body && JSON.stringify(body),
  }));
  cookie ||= answer.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  return answer.json();
}
await call("/sign-up/email", { name: "Mia", email: "mia@example.com", password: "password-of-mia" });
const { id } = await call("/organization/create", { name: "Acme", slug: "acme" });
console.log(JSON.stringify({ ...(await call("/token")), ...(await call("/jwks")), organization: id }));
`;
