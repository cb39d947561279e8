import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { makeFolder } from "../support/make-folder.ts";
import { runToEnd, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { receiptKey } from "../support/receipt-key.ts";

/** What a service wrote while it was used, and the secrets that must not be in it. */
interface Record {
  readonly written: string;
  readonly secrets: ReadonlyMap<string, string>;
  readonly link: string;
}

const RECEIPT_KEY = receiptKey("secret").toString("base64");
const IMAGES = {
  key: "0b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a",
  salt: "9f0e1d2c3b4a5968778695a4b3c2d1e0",
};
const PICTURE = "five!";
const PATIENT = "Erika Mustermann";
const FILES = "/api/v1/orgs/acme/files";

let folder: string;
let issuer: Issuer;
beforeAll(async () => {
  folder = makeFolder();
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

/** Uses a service in every way, rightly and wrongly, and gives everything that it wrote. */
async function use(
  env: Readonly<{ [variable: string]: string }>,
  tokenOf: (service: ServiceProcess) => Promise<string>,
): Promise<Record> {
  const service = await startProcess({
    LOG_FORMAT: "json",
    LOG_LEVEL: "debug",
    AUDIT: "stdout",
    RECEIPT_KEYS: `test:${RECEIPT_KEY}`,
    STORAGE_POLICIES: JSON.stringify({ linked: { link_lifetime: "1 hour", images: [64] } }),
    IMAGES: "imgproxy",
    IMAGES_URL: "https://images.example.com",
    IMAGES_KEY: IMAGES.key,
    IMAGES_SALT: IMAGES.salt,
    ...env,
  });
  const token = await tokenOf(service);
  const secrets = new Map([
    ["the token", token],
    ["the token of a person", service.token],
    ["the token of a service", service.serviceToken],
    ["the key of receipts", RECEIPT_KEY],
    ["the key of pictures", IMAGES.key],
    ["the salt of pictures", IMAGES.salt],
    ...filesIn(service.directory),
  ]);
  await useWell({ service, token, secrets });
  await useBadly({ service, token, secrets });
  await service.stop();
  return { written: service.output(), secrets, link: secrets.get("the link") ?? "" };
}

interface Use {
  readonly service: ServiceProcess;
  readonly token: string;
  readonly secrets: Map<string, string>;
}

const signatureOf = (url: string) => new URL(url).searchParams.get("X-Amz-Signature") ?? "";

function post({ service }: Use, path: string, body: object, authorization: string) {
  return send("POST", service.address + path, {
    headers: { Authorization: authorization, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** The address that an answer redirects to. */
async function follow(url: string, headers: Readonly<{ [name: string]: string }> = {}) {
  const answer = await send("GET", url, { headers });
  expect(answer.status).toBe(302);
  return answer.headers.location ?? "";
}

async function useWell(use: Use): Promise<void> {
  const { secrets, token } = use;
  const ask = async (path: string, body: object) => {
    const answer = await post(use, FILES + path, body, `Bearer ${token}`);
    expect(answer.status, answer.body.toString()).toBe(200);
    return JSON.parse(answer.body.toString());
  };
  const file = { filename: "a.png", content_type: "image/png", size: PICTURE.length };
  const { put_url, put_headers, get_url, receipt } = await ask("/presign", {
    ...file,
    policy: "linked",
    metadata: { patient: PATIENT },
  });
  secrets.set("the metadata of an upload", PATIENT);
  secrets.set("the receipt", receipt);
  secrets.set("the signature of the PUT", signatureOf(put_url));
  secrets.set("the signature of the GET", signatureOf(get_url));
  const { uploads } = await ask("/batch", { files: [file, file], policy: "linked" });
  for (const [index, upload] of uploads.entries()) {
    secrets.set(`the receipt of upload ${index} of a batch`, upload.receipt);
    secrets.set(`the signature of PUT ${index} of a batch`, signatureOf(upload.put_url));
    secrets.set(`the signature of GET ${index} of a batch`, signatureOf(upload.get_url));
  }
  const put = await send("PUT", put_url, { headers: put_headers, body: PICTURE });
  expect(put.status).toBe(200);
  expect((await send("GET", get_url)).body.toString()).toBe(PICTURE);

  const confirmed = await ask("/confirm", { receipt });
  secrets.set("the signature of the confirmation", signatureOf(confirmed.get_url));
  const opened = await follow(confirmed.file_url, { Authorization: `Bearer ${token}` });
  secrets.set("the signature of the file's address", signatureOf(opened));

  const shown = await follow(`${confirmed.file_url}?width=64`, {
    Authorization: `Bearer ${token}`,
  });
  const [, signature = "", , , source = ""] = new URL(shown).pathname.split("/");
  secrets.set("the signature of a picture", signature);
  secrets.set("the source of a picture", source);

  const listed = await send("GET", `${use.service.address}${FILES}/policies`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  expect(listed.status).toBe(200);

  const { link_url } = await ask("/links", { receipt });
  const link = link_url.replace(/^.*\/f\//, "");
  secrets.set("the link", link);
  const linked = await follow(link_url);
  secrets.set("the signature behind the link", signatureOf(linked));
  expect((await send("GET", linked)).body.toString()).toBe(PICTURE);
  // The escaped address of a link is not found, and the log must not decode it.
  const coded = link_url.replace(link, link.replaceAll(".", "%2E"));
  expect((await send("GET", coded)).status).toBe(404);
}

async function useBadly(use: Use): Promise<void> {
  const { service, secrets, token } = use;
  const { address } = service;
  const refuse = async (path: string, body: object, authorization: string, status: number) =>
    expect((await post(use, path, body, authorization)).status).toBe(status);
  const wrong = `${token.slice(0, -4)}AAAA`;
  secrets.set("a wrong token", wrong);
  await refuse(`${FILES}/presign`, {}, `Bearer ${wrong}`, 401);
  await refuse(`${FILES}/presign`, {}, `Basic ${token}`, 401);
  await refuse(`${FILES}/presign?access_token=${token}`, {}, "", 401);
  await refuse(`/api/v1/orgs/-acme/files/presign`, {}, `Bearer ${token}`, 404);

  const receipt = secrets.get("the receipt") ?? "";
  const badReceipt = `${receipt.slice(0, -4)}AAAA`;
  secrets.set("a bad receipt", badReceipt);
  await refuse(`${FILES}/confirm`, { receipt: badReceipt }, `Bearer ${token}`, 400);
  await refuse(`${FILES}/confirm`, { receipt, key: receipt }, `Bearer ${token}`, 400);
  await refuse(`${FILES}/confirm?receipt=${receipt}`, {}, `Bearer ${token}`, 400);

  const link = secrets.get("the link") ?? "";
  for (const [path, status] of [
    [`/f/${link.slice(0, -1)}`, 404],
    [`/f/${link}/more`, 404],
    [`/nowhere/${link}`, 404],
    [`/store/files/x?X-Amz-Signature=${secrets.get("the signature of the GET")}`, 403],
  ] as const) {
    const answer = await send("GET", address + path);
    expect([status, 400]).toContain(answer.status);
  }
}

/** Secrets that the embedded store keeps in its folder, as they are written there. */
const filesIn = (directory: string) =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => [name, readFileSync(join(directory, name), "utf8").trim()] as const);

/** The text with percent-encoded characters decoded. */
const decoded = (text: string) =>
  text.replaceAll(/%([2-7][0-9a-f])/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );

describe.each([
  ["dev", async () => use({}, async ({ token }) => token)],
  [
    "jwt",
    async () => {
      const env = {
        AUTH: "jwt",
        JWT_ISSUER: issuer.url,
        JWT_AUDIENCE: "valetkey",
        JWT_JWKS_URL: issuer.jwksUrl,
      };
      return use(env, () => issuer.sign());
    },
  ],
  [
    "static",
    async () => {
      const file = join(folder, "tokens.json");
      const command = ["token", "create", "--org", "acme", "--file", file];
      const { output } = await runToEnd({}, ["node", await bundled("cli"), ...command]);
      const token = /^vk_\S+$/m.exec(output)?.[0] ?? "";
      return use({ AUTH: "static", AUTH_TOKENS_FILE: file }, async () => token);
    },
  ],
])("a service with AUTH=%s", (_, used) => {
  let record: Record;
  beforeAll(async () => {
    record = await used();
  });

  it("a service logs and audits what was granted and refused", () => {
    for (const event of ["presign", "confirm", "links", "open", "follow", "policies"]) {
      expect(record.written).toMatch(new RegExp(`"audit":"${event}","decision":"granted"`));
    }
    expect(record.written).toContain('"code":"UNAUTHENTICATED"');
    expect(record.written).toContain('"code":"INVALID_RECEIPT"');
    expect(record.written).toContain('"message":"request"');
  });

  it("a service logs no token, signature, receipt, link or key", () => {
    expect(record.secrets.size).toBeGreaterThanOrEqual(14);
    const written = [...record.secrets].filter(([name, secret]) => {
      expect(secret.length, name).toBeGreaterThanOrEqual(16);
      return record.written.includes(secret);
    });
    expect(written.map(([name]) => name)).toEqual([]);
  });

  it("a service logs no link that came percent-encoded", () => {
    expect(decoded(record.written).includes(record.link)).toBe(false);
  });

  it("a service logs no link without its last letter, which a few guesses would complete", () => {
    expect(record.written.includes(record.link.slice(0, -1))).toBe(false);
  });
});
