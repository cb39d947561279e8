import { attachments, userOf } from "../../users";

export function GET(request: Request): Response {
  const user = userOf(request.headers.get("cookie"));
  if (user === undefined) return new Response("Sign in first\n", { status: 401 });
  return Response.json([...attachments.values()].filter(({ subject }) => subject === user.id));
}
