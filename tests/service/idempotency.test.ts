import { expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";
import { presignInit } from "../http/service.ts";

const GOOD = { filename: "a.png", content_type: "image/png", size: 5 };

it("the URLs and receipts of both answers are valid, for one upload", async () => {
  const service = await startProcess();
  try {
    const post = async (name: string, body: unknown, headers = {}) => {
      const init = presignInit(body, { Authorization: `Bearer ${service.token}`, ...headers });
      const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/${name}`, init);
      return { status: answer.status, body: await answer.json() };
    };
    const key = { "Idempotency-Key": "key-1" };
    const first = (await post("presign", GOOD, key)).body;
    const second = (await post("presign", GOOD, key)).body;
    const put = async ({ put_url, put_headers }: typeof first, body: string) =>
      (await fetch(put_url, { method: "PUT", headers: put_headers, body })).status;
    expect(await put(second, "bytes")).toBe(200);
    expect(await put(first, "other")).toBe(412);
    expect(await put(second, "other")).toBe(412);
    for (const { receipt } of [first, second]) {
      const { status, body } = await post("confirm", { receipt });
      expect([status, body.key, body.final]).toEqual([200, first.key, true]);
    }
    expect(await (await fetch(first.get_url)).text()).toBe("bytes");
    const third = (await post("presign", GOOD, key)).body;
    expect(await put(third, "other")).toBe(412);
    expect(await (await fetch(third.get_url)).text()).toBe("bytes");
  } finally {
    await service.stop();
  }
});
