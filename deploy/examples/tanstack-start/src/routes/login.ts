import { createFileRoute } from "@tanstack/react-router";
import { sessions, users } from "../users.ts";

export const Route = createFileRoute("/login")({
  server: {
    handlers: {
      // Stands for your own way to sign in.
      POST: async ({ request }) => {
        const user = users.get((await request.json()).name);
        if (user === undefined)
          return new Response("Nobody of that name, or no DEV_LOGIN=on in .env\n", { status: 401 });
        const session = crypto.randomUUID();
        sessions.set(session, user);
        const headers = { "Set-Cookie": `session=${session}; Path=/; HttpOnly; SameSite=Lax` };
        return new Response(null, { status: 204, headers });
      },
      ANY: () => new Response("Send a POST\n", { status: 405 }),
    },
  },
});
