import Koa from "koa";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { type Caller, type ConfirmedUpload, createValetkey } from "valetkey";
import { storageFromEnvironment } from "valetkey/environment";
import { toNodeHandler } from "valetkey/node";

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
  authenticate: ({ headers }) => userOf(headers.get("cookie")),
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
await valetkey.ready();

const app = new Koa();

app.use(async (context) => {
  const user = userOf(context.get("cookie"));
  switch (`${context.method} ${context.path}`) {
    // Stands for your own way to sign in.
    case "POST /login": {
      const { name } = (await json(context.req)) as { name: string };
      const found = users.get(name);
      if (found === undefined) return context.throw(401, "Nobody of that name");
      const session = crypto.randomUUID();
      sessions.set(session, found);
      context.cookies.set("session", session, { sameSite: "lax" });
      context.status = 204;
      return;
    }
    case "GET /attachments":
      if (user === undefined) return context.throw(401, "Sign in first");
      context.body = [...attachments.values()].filter(({ subject }) => subject === user.id);
  }
});

const uploads = toNodeHandler(valetkey);
const others = app.callback();

const server = createServer((request, response) =>
  // What is not Valetkey's is left to Koa.
  uploads(request, response, () => void others(request, response)),
).listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => server.close(() => valetkey.close()));

/** Who is signed in, by the cookie that `/login` has set. */
function userOf(cookies: string | null | undefined): User | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(cookies ?? "") ?? [];
  return sessions.get(session);
}
