import type { APIRoute } from "astro";
import { attachments, userOf } from "../lib/users.ts";

export const GET: APIRoute = ({ request }) => {
  const user = userOf(request.headers.get("cookie"));
  if (user === undefined) return new Response("Sign in first\n", { status: 401 });
  return Response.json([...attachments.values()].filter(({ subject }) => subject === user.id));
};
