import { createFileRoute } from "@tanstack/react-router";
import { attachments, userOf } from "../users.ts";

export const Route = createFileRoute("/attachments")({
  server: {
    handlers: {
      GET: ({ request }) => {
        const user = userOf(request.headers.get("cookie"));
        if (user === undefined) return new Response("Sign in first\n", { status: 401 });
        return Response.json(
          [...attachments.values()].filter(({ subject }) => subject === user.id),
        );
      },
    },
  },
});
