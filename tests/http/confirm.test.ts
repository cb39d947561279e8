import { expect, it } from "vitest";
import { presignInit, startService } from "./service.ts";

const CONFIRM = "/api/v1/orgs/acme/files/confirm";

it.each([
  [{ receipt: "" }, 400, "INVALID_RECEIPT"],
  [{ receipt: "v1.test.e30.AAAA" }, 400, "INVALID_RECEIPT"],
  [{ receipt: "a".repeat(10_000) }, 400, "INVALID_RECEIPT"],
  [{ receipt: 5 }, 400, "INVALID_RECEIPT"],
  [{}, 400, "INVALID_REQUEST"],
  [{ receipt: "a", key: "b" }, 400, "INVALID_REQUEST"],
  [[], 400, "INVALID_REQUEST"],
])("a confirm with the body %.40j is answered with %i %s", async (body, status, code) => {
  const { request } = await startService();
  const answer = await request(CONFIRM, presignInit(body));
  expect([answer.status, (await answer.json()).code]).toEqual([status, code]);
});

it("a confirm while the store is down is answered with 503 and Retry-After, not as a lost upload", async () => {
  const { request } = await startService();
  const granted = await request("/api/v1/orgs/acme/files/presign", presignInit());
  const { receipt } = await granted.json();
  const answer = await request(CONFIRM, presignInit({ receipt }));
  expect([answer.status, (await answer.json()).code]).toEqual([503, "STORE_UNAVAILABLE"]);
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
});

it.each(["GET", "HEAD", "PUT", "PATCH", "DELETE"])(
  "confirm accepts only POST, and not %s",
  async (method) => {
    const { request } = await startService();
    const answer = await request(CONFIRM, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  },
);
