import { expect, it } from "vitest";
import { isFullRun } from "../support/full-run.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { RUNTIMES, startProcess } from "../support/service-process.ts";
import { receiptKey } from "../support/receipt-key.ts";

// tests/http/jwt.test.ts, which runs on each, has the rules.
const all = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;
const runtimes = isFullRun ? all : (["node"] as const);

const envOf = (issuer: Issuer) => ({
  AUTH: "jwt",
  JWT_ISSUER: issuer.url,
  JWT_AUDIENCE: "valetkey",
  JWT_JWKS_URL: issuer.jwksUrl,
  RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
});

it.each(runtimes)("%s lets in who has a token of the issuer, and nobody else", async (runtime) => {
  const issuer = await startIssuer();
  const service = await startProcess(envOf(issuer), runtime);
  const ask = async (token: string) => {
    const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/presign`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 }),
    });
    return answer.status;
  };
  expect(await ask(await issuer.sign())).toBe(200);
  expect(await ask(await issuer.sign({ aud: "another" }))).toBe(401);
  expect(await ask(await issuer.sign({ organizations: ["globex"] }))).toBe(404);
  await service.stop();
  await issuer.stop();
});
