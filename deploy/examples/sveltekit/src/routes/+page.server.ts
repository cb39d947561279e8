import { userOf } from "../lib/server/users.ts";

export function load({ request }: { request: Request }) {
  const user = userOf(request.headers.get("cookie"));
  return { user: user && { id: user.id, organization: user.organization } };
}
