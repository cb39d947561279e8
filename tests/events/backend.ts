import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { serve } from "../support/serve.ts";

export const SECRET = `whsec_${Buffer.alloc(32, "a secret of events").toString("base64")}`;

interface Message {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly file_url: string };
}

/** A backend that verifies what it receives, and answers as it is told. */
export async function startReceiver(secret = SECRET) {
  const received: Array<Message> = [];
  const answers: Array<number> = [];
  const { port } = await serve(async (request, response) => {
    const body = await text(request);
    const { "webhook-id": id } = request.headers;
    const message = new Webhook(secret).verify(body, request.headers as Record<string, string>);
    received.push({ id: String(id), ...(message as Omit<Message, "id">) });
    response.writeHead(answers.shift() ?? 204).end();
  });
  return {
    received,
    answers,
    port: Number(port),
    env: {
      EVENTS_URL: `http://127.0.0.1:${port}/hook`,
      EVENTS_SECRETS: secret,
      EVENTS_ALLOW_PRIVATE: "on",
    },
  };
}
