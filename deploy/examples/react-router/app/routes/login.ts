import { sessions, users } from "../users.server";

// Stands for your own way to sign in.
export async function action({ request }: { request: Request }): Promise<Response> {
  const user = users.get((await request.json()).name);
  if (user === undefined)
    return new Response("Nobody of that name, or no DEV_LOGIN=on in .env\n", { status: 401 });
  const session = crypto.randomUUID();
  sessions.set(session, user);
  const headers = { "Set-Cookie": `session=${session}; Path=/; HttpOnly; SameSite=Lax` };
  return new Response(null, { status: 204, headers });
}

export const loader = () => new Response("Send a POST\n", { status: 405 });
