import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { type Caller, type ConfirmedUpload, createValetkey } from "valetkey";
import { storageFromEnvironment } from "valetkey/environment";
import { valetkeyRoutes } from "valetkey/hono";

const { PORT = "3000", RECEIPT_KEYS } = process.env;

// What the application has already: its users, who is signed in, and a table of attachments.
type User = Caller & { readonly organization: string };
const users = new Map<string, User>([
  // She may also remove files.
  ["ann", { id: "ann", organization: "acme", scopes: ["write", "confirm", "read", "remove"] }],
  ["bob", { id: "bob", organization: "globex" }],
]);
const sessions = new Map<string, User>();
const attachments = new Map<string, ConfirmedUpload>();

const valetkey = createValetkey({
  storage: storageFromEnvironment(),
  receiptKeys: RECEIPT_KEYS?.split(","),
  publicUrl: `http://127.0.0.1:${PORT}`,
  policy: { maxSize: "5 MiB", allowedTypes: ["image/png", "image/jpeg"] },
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
await valetkey.ready();

type Host = { Variables: { user: User | undefined } };
const app = new Hono<Host>();

app.use(async (c, next) => {
  c.set("user", sessions.get(getCookie(c, "session") ?? ""));
  await next();
});

app.route("/", valetkeyRoutes<Host>(valetkey, { caller: (c) => c.get("user") }));

// Stands for your own way to sign in.
app.post("/login", async (c) => {
  const user = users.get((await c.req.json()).name);
  if (user === undefined) return c.text("Nobody of that name\n", 401);
  const session = crypto.randomUUID();
  sessions.set(session, user);
  setCookie(c, "session", session, { httpOnly: true, sameSite: "Lax" });
  return c.body(null, 204);
});

app.get("/attachments", (c) => {
  const user = c.get("user");
  if (user === undefined) return c.text("Sign in first\n", 401);
  return c.json([...attachments.values()].filter(({ subject }) => subject === user.id));
});

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(PORT) });
process.once("SIGTERM", () => server.close(() => valetkey.close()));
