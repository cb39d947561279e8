import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
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

const uploads = toNodeHandler(valetkey);

const server = createServer((request, response) =>
  // What is not Valetkey's is left to the application.
  uploads(request, response, () => void answer(request, response)),
).listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => server.close(() => valetkey.close()));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const user = userOf(request.headers.cookie);
  switch (`${request.method} ${request.url}`) {
    case "POST /login":
      return login(request, response);
    case "GET /attachments":
      if (user === undefined) return void response.writeHead(401).end("Sign in first\n");
      response.setHeader("Content-Type", "application/json");
      response.end(
        JSON.stringify([...attachments.values()].filter(({ subject }) => subject === user.id)),
      );
      return;
    default:
      response.writeHead(404).end("Not here\n");
  }
}

// Stands for your own way to sign in.
async function login(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { name } = (await json(request)) as { name: string };
  const user = users.get(name);
  if (user === undefined) return void response.writeHead(401).end("Nobody of that name\n");
  const session = crypto.randomUUID();
  sessions.set(session, user);
  response
    .writeHead(204, { "Set-Cookie": `session=${session}; Path=/; HttpOnly; SameSite=Lax` })
    .end();
}

/** Who is signed in, by the cookie that `/login` has set. */
function userOf(cookies: string | null | undefined): User | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(cookies ?? "") ?? [];
  return sessions.get(session);
}
