import { createReadStream, globSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { json } from "node:stream/consumers";
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

/** The page, and the modules that it uploads with, by their addresses. */
const page = new Map<string, string>();
for (const [at, folder] of [
  ["", "public"],
  ["/valetkey", "node_modules/valetkey/dist/adapters/client"],
] as const) {
  for (const name of globSync("**/*.{html,css,js}", { cwd: folder }))
    page.set(`${at}/${name.replaceAll("\\", "/")}`, join(folder, name));
}
const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".css", "text/css"],
  [".js", "text/javascript"],
]);

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
    case "GET /me":
      if (user === undefined) return void response.writeHead(401).end("Sign in first\n");
      return sendJson(user, response);
    case "GET /attachments":
      if (user === undefined) return void response.writeHead(401).end("Sign in first\n");
      return sendJson(
        [...attachments.values()].filter(({ subject }) => subject === user.id),
        response,
      );
    default:
      return sendPage(request, response);
  }
}

function sendJson(value: unknown, response: ServerResponse): void {
  response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
}

function sendPage({ method, url = "" }: IncomingMessage, response: ServerResponse): void {
  const path = url.replace(/\?.*/, "").replace(/\/$/, "/index.html");
  const file = method === "GET" && page.get(path);
  if (!file) return void response.writeHead(404).end("Not here\n");
  response.setHeader("Content-Type", TYPES.get(extname(file)) ?? "");
  createReadStream(file).pipe(response);
}

// Stands for your own way to sign in.
async function login(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { name } = (await json(request)) as { name: string };
  const user = users.get(name);
  if (user === undefined)
    return void response.writeHead(401).end("Nobody of that name, or no DEV_LOGIN=on in .env\n");
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
