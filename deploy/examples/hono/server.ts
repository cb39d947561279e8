import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { type Caller, type ConfirmedUpload, createValetkey } from "valetkey";
import { storageFromEnvironment } from "valetkey/environment";
import { valetkeyRoutes } from "valetkey/hono";

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
  if (user === undefined) return c.text("Nobody of that name, or no DEV_LOGIN=on in .env\n", 401);
  const session = crypto.randomUUID();
  sessions.set(session, user);
  setCookie(c, "session", session, { httpOnly: true, sameSite: "Lax" });
  return c.body(null, 204);
});

app.get("/me", (c) => {
  const user = c.get("user");
  return user === undefined ? c.text("Sign in first\n", 401) : c.json(user);
});

app.get("/attachments", (c) => {
  const user = c.get("user");
  if (user === undefined) return c.text("Sign in first\n", 401);
  return c.json([...attachments.values()].filter(({ subject }) => subject === user.id));
});

// The page, and the modules that it uploads with.
app.use(serveStatic({ root: "public" }));
app.use(
  "/valetkey/*",
  serveStatic({
    root: "node_modules/valetkey/dist/adapters/client",
    rewriteRequestPath: (path) => path.replace("/valetkey", ""),
  }),
);

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(PORT) });
process.once("SIGTERM", () => server.close(() => valetkey.close()));
