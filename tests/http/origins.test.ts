import { expect, it } from "vitest";
import { PRESIGN, startService } from "./service.ts";

it.each([
  [PRESIGN, "GET,POST"],
  ["/openapi.json", "GET,HEAD"],
  ["/store/files/key", "GET,HEAD,PUT"],
])("a preflight of %s offers the methods of the route: %s", async (path, methods) => {
  const { request } = await startService({
    mounts: [{ path: "/store", fetch: () => Promise.resolve(new Response()) }],
  });
  const answer = await request(path, {
    method: "OPTIONS",
    headers: { Origin: "https://app.example.com", "Access-Control-Request-Method": "PUT" },
  });
  expect(answer.headers.get("access-control-allow-methods")).toBe(methods);
});
