import express from "express";
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
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
await valetkey.ready();

declare global {
  namespace Express {
    interface Request {
      user?: User;
    }
  }
}

const app = express();

app.use((request, _response, next) => {
  request.user = userOf(request.headers.cookie);
  next();
});

// Before whatever reads bodies: requests to Valetkey come with theirs unread.
app.use(toNodeHandler(valetkey, { caller: (request) => request.user }));
app.use(express.json());

// Stands for your own way to sign in.
app.post("/login", (request, response) => {
  const user = users.get(request.body.name);
  if (user === undefined)
    return void response.status(401).send("Nobody of that name, or no DEV_LOGIN=on in .env\n");
  const session = crypto.randomUUID();
  sessions.set(session, user);
  response.cookie("session", session, { httpOnly: true, sameSite: "lax" }).sendStatus(204);
});

app.get("/me", (request, response) => {
  const { user } = request;
  if (user === undefined) return void response.status(401).send("Sign in first\n");
  response.json(user);
});

app.get("/attachments", (request, response) => {
  const { user } = request;
  if (user === undefined) return void response.status(401).send("Sign in first\n");
  response.json([...attachments.values()].filter(({ subject }) => subject === user.id));
});

// The page, and the modules that it uploads with.
app.use(express.static("public"));
app.use("/valetkey", express.static("node_modules/valetkey/dist/adapters/client"));

const server = app.listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => server.close(() => valetkey.close()));

/** Who is signed in, by the cookie that `/login` has set. */
function userOf(cookies: string | null | undefined): User | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(cookies ?? "") ?? [];
  return sessions.get(session);
}
