import type { Caller, ConfirmedUpload } from "valetkey";

// What the application has already: its users, who is signed in, and a table of attachments.
export type User = Caller & { readonly organization: string };
export const users = new Map<string, User>();
// Anybody can sign in as these, so there are none unless `.env` says DEV_LOGIN=on.
if (process.env.DEV_LOGIN === "on") {
  // They also list and remove files of their own.
  const scopes = ["write", "confirm", "read", "mine"] as const;
  users.set("ann", { id: "ann", organization: "acme", scopes });
  users.set("bob", { id: "bob", organization: "globex", scopes });
}
export const sessions = new Map<string, User>();
export const attachments = new Map<string, ConfirmedUpload>();

/** Who is signed in, by the cookie that `/login` has set. */
export function userOf(cookies: string | null | undefined): User | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(cookies ?? "") ?? [];
  return sessions.get(session);
}
