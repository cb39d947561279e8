import { userOf } from "../utils/users.ts";

export default defineEventHandler(
  ({ headers }) =>
    userOf(headers.get("cookie")) ?? new Response("Sign in first\n", { status: 401 }),
);
