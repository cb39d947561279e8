import type { Caller, ConfirmedUpload } from "valetkey";

// What the application has already: its users, who is signed in, and a table of attachments.
export type User = Caller & { readonly organization: string };
export const users = new Map<string, User>([
  // She may also remove files.
  ["ann", { id: "ann", organization: "acme", scopes: ["write", "confirm", "read", "remove"] }],
  ["bob", { id: "bob", organization: "globex" }],
]);

// Next.js loads this file once for route handlers and once for pages; a database would be one.
const database = globalThis as {
  sessions?: Map<string, User>;
  attachments?: Map<string, ConfirmedUpload>;
};
export const sessions = (database.sessions ??= new Map());
export const attachments = (database.attachments ??= new Map());

/** Who is signed in, by the cookie that `/login` has set. */
export function userOf(cookies: string | null | undefined): User | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(cookies ?? "") ?? [];
  return sessions.get(session);
}
