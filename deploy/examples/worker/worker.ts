import { jwtVerify } from "jose";
import { createValetkey } from "valetkey";
import { policies, storage } from "./storage.ts";

const { PUBLIC_URL = "", RECEIPT_KEY = "", SESSION_KEY = "" } = process.env;
const sessionKey = new TextEncoder().encode(SESSION_KEY);

// What the application has already: users, and where they belong.
const organizationOf = new Map([
  ["ann", "acme"],
  ["bob", "globex"],
]);

// Made once for all requests; nothing is loaded or connected before one comes.
const valetkey = createValetkey({
  storage,
  publicUrl: PUBLIC_URL,
  // There is no telling which isolate confirms what another has granted.
  receiptKeys: [RECEIPT_KEY],
  policy: { maxSize: "5 MiB", allowedTypes: ["image/png", "image/jpeg"] },
  policies,
  authenticate: async ({ headers }) => {
    const [, token = ""] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
    const session = await jwtVerify(token, sessionKey, { algorithms: ["HS256"] }).catch(() => null);
    const id = session?.payload.sub;
    return id === undefined ? undefined : { id };
  },
  organizations: (slug, caller) => (organizationOf.get(caller.id) === slug ? slug : undefined),
});

export default {
  fetch: (request: Request): Promise<Response> =>
    valetkey.fetch(request, { address: request.headers.get("CF-Connecting-IP") ?? undefined }),
};
