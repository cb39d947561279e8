import * as Effect from "effect/Effect";
import { Unauthenticated } from "../../domain/errors.ts";
import { expect, it } from "vitest";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { startService } from "./service.ts";

const ORGANIZATIONS = new Map([[OrganizationSlug.make("acme"), OrganizationId.make("org_1")]]);

it("an embedding application authenticates callers by its own function", async () => {
  const { request } = await startService({
    authenticator: {
      authenticate: ({ headers }) => {
        const session = /^session=([a-z]+)$/.exec(headers.get("cookie") ?? "")?.[1];
        return session === undefined
          ? Effect.fail(new Unauthenticated({ by: "proxy" }))
          : Effect.succeed({
              kind: "user",
              subject: session,
              scopes: new Set(["write"] as const),
              organizations: ORGANIZATIONS,
            });
      },
    },
  });
  const ask = async (action: string, slug: string, cookie: string) => {
    const answer = await request(`/api/v1/orgs/${slug}/files/${action}`, {
      method: "POST",
      headers: { Cookie: cookie, "Content-Type": "application/json" },
      body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 }),
    });
    return [answer.status, (await answer.json()).code];
  };
  expect(await ask("presign", "acme", "session=mia")).toEqual([200, undefined]);
  expect(await ask("presign", "globex", "session=mia")).toEqual([404, "NOT_FOUND"]);
  expect(await ask("confirm", "acme", "session=mia")).toEqual([403, "FORBIDDEN"]);
  expect(await ask("presign", "acme", "session=5")).toEqual([401, "UNAUTHENTICATED"]);
});
