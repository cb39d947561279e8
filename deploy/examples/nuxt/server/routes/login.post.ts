import { sessions, users } from "../utils/users.ts";

// Stands for your own way to sign in.
export default defineEventHandler(async (event) => {
  const user = users.get((await readBody(event)).name);
  if (user === undefined)
    return new Response("Nobody of that name, or no DEV_LOGIN=on in .env\n", { status: 401 });
  const session = crypto.randomUUID();
  sessions.set(session, user);
  setCookie(event, "session", session, { httpOnly: true, sameSite: "lax" });
  return sendNoContent(event);
});
