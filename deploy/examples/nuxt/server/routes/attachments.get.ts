import { attachments, userOf } from "../utils/users.ts";

export default defineEventHandler(({ headers }) => {
  const user = userOf(headers.get("cookie"));
  if (user === undefined) return new Response("Sign in first\n", { status: 401 });
  return [...attachments.values()].filter(({ subject }) => subject === user.id);
});
