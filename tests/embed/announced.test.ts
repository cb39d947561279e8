import { expect, it } from "vitest";
import { MIA, startHost } from "./host.ts";

it("an announced upload is stored though the host's own function throws", async () => {
  const asked: Array<string> = [];
  const host = await startHost({
    policy: { arrival: "incoming", announce: true, allowedTypes: ["text/plain"] },
    onConfirmed: ({ key }) => {
      asked.push(key);
      throw new Error("the database is away");
    },
  });
  const { key, putUrl, putHeaders } = await host.valetkey.requestUpload({
    caller: MIA,
    organization: "acme",
    filename: "a.txt",
    contentType: "text/plain",
    size: 5,
  });
  const sent = await fetch(putUrl, { method: "PUT", headers: putHeaders, body: "hello" });
  expect(sent.status).toBe(200);
  expect(asked).toEqual([key]);
});
