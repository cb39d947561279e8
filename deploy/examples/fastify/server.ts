import fastifyStatic from "@fastify/static";
import Fastify from "fastify";
import { resolve } from "node:path";
import { type Caller, type ConfirmedUpload, createValetkey } from "valetkey";
import { storageFromEnvironment } from "valetkey/environment";
import { toNodeHandler } from "valetkey/node";

const { PORT = "3000", RECEIPT_KEYS } = process.env;

// What the application has already: its users, who is signed in, and a table of attachments.
type User = Caller & { readonly organization: string };
const users = new Map<string, User>();
// Anybody can sign in as these, so there are none unless `.env` says DEV_LOGIN=on.
if (process.env.DEV_LOGIN === "on") {
  // They also list and remove files of their own.
  const scopes = ["write", "confirm", "read", "mine"] as const;
  users.set("ann", { id: "ann", organization: "acme", scopes });
  users.set("bob", { id: "bob", organization: "globex", scopes });
}
const sessions = new Map<string, User>();
const attachments = new Map<string, ConfirmedUpload>();

const valetkey = createValetkey({
  storage: storageFromEnvironment(),
  receiptKeys: RECEIPT_KEYS?.split(","),
  publicUrl: `http://127.0.0.1:${PORT}`,
  policy: {
    maxSize: "5 MiB",
    allowedTypes: ["image/png", "image/jpeg"],
    // Each person has a folder, whose files the page lists.
    key: "orgs/{organization}/{subject}/{year}/{month}/{id}{extension}",
    // For its thumbnails, which are the pictures themselves until there is an image server.
    images: [128],
    // Nobody reads a file before it is confirmed and its type is checked.
    arrival: "incoming",
  },
  authenticate: ({ headers }) => userOf(headers.get("cookie")),
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
await valetkey.ready();

const app = Fastify();

// Before Fastify reads bodies: requests to Valetkey are answered here, and go no further.
const uploads = toNodeHandler(valetkey);
app.addHook("onRequest", (request, reply, done) => uploads(request.raw, reply.raw, done));

// Stands for your own way to sign in.
app.post<{ Body: { name: string } }>("/login", (request, reply) => {
  const user = users.get(request.body.name);
  if (user === undefined)
    return reply.code(401).send("Nobody of that name, or no DEV_LOGIN=on in .env\n");
  const session = crypto.randomUUID();
  sessions.set(session, user);
  return reply
    .header("Set-Cookie", `session=${session}; Path=/; HttpOnly; SameSite=Lax`)
    .code(204)
    .send();
});

app.get("/me", (request, reply) => {
  const user = userOf(request.headers.cookie);
  return user === undefined ? reply.code(401).send("Sign in first\n") : reply.send(user);
});

app.get("/attachments", (request, reply) => {
  const user = userOf(request.headers.cookie);
  if (user === undefined) return reply.code(401).send("Sign in first\n");
  return reply.send([...attachments.values()].filter(({ subject }) => subject === user.id));
});

// The page, and the modules that it uploads with.
await app.register(fastifyStatic, { root: resolve("public") });
await app.register(fastifyStatic, {
  root: resolve("node_modules/valetkey/dist/adapters/client"),
  prefix: "/valetkey/",
  decorateReply: false,
});

app.addHook("onClose", () => valetkey.close());
await app.listen({ host: "127.0.0.1", port: Number(PORT) });
process.once("SIGTERM", () => app.close());

/** Who is signed in, by the cookie that `/login` has set. */
function userOf(cookies: string | null | undefined): User | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(cookies ?? "") ?? [];
  return sessions.get(session);
}
