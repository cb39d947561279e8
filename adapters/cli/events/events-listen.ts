import * as Redacted from "effect/Redacted";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { signature } from "../../events/send.ts";
import { settings } from "../../events/settings.ts";
import { onOneLine } from "../../values/printable.ts";
import { HttpUrl, WholeNumber } from "../../settings/codecs.ts";
import { readSettings } from "../../settings/setting.ts";
import { variables } from "../../settings/source.ts";
import { errorReason, fetchFailure } from "../../values/thrown.ts";
import { command, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../../service/failure.ts";
import { print, tell } from "../../service/output.ts";
import { orFail } from "../../service/settings.ts";

/** In bytes; more than a message has. */
const LARGEST_BODY = 2 ** 20;
/** Standard Webhooks 1.0.0, "Verifying webhook authenticity"; in milliseconds. */
const TOLERANCE = 5 * 60_000;

export const listen = command({
  name: "events listen",
  summary: "Print events as they come to this machine, and forward them to a program on it",
  options: {
    port: option("PORT", WholeNumber({ minimum: 0, maximum: 65_535 }), "a port", {
      note: "8789 if left out, and any free one if 0",
    }),
    forward: option("URL", HttpUrl, "the address of a program, such as http://127.0.0.1:3000/hook"),
    ...JSON_OPTION,
  },
  run: async ({ port = 8789, forward, json = false }) => {
    const read = readSettings({ secrets: settings.secrets }, variables(process.env));
    const given = orFail(read, "The command cannot run", process.env).secrets;
    const own = randomBytes(32);
    const secrets = given === undefined ? [own] : Redacted.value(given);
    const receive = async (request: IncomingMessage): Promise<number> => {
      const { headers } = request;
      if (!(Number(headers["content-length"]) <= LARGEST_BODY)) return 413;
      const body = await text(request);
      if (!isGenuine(request, body, secrets)) {
        tell("A message was refused: its signature is of another secret, or of another time.\n");
        return 401;
      }
      const { "webhook-id": id } = headers;
      const event = JSON.parse(body);
      const answered = forward === undefined ? 204 : await forwarded(forward, request, body);
      const line = [event.timestamp, event.type, event.data.key, id, answered].join("  ");
      print(`${json ? JSON.stringify({ id, ...event, answered }) : onOneLine(line)}\n`);
      return answered;
    };
    const server = createServer(async (request, response) => {
      response.writeHead(await receive(request).catch(() => 400)).end();
    }).listen(port, "127.0.0.1");
    await once(server, "listening").catch((cause: unknown) => {
      const message = `The command cannot listen on port ${port}: ${errorReason(cause)}. Name another with --port.`;
      throw new CommandFailure({ code: EXIT.unavailable, message });
    });
    const { port: taken } = server.address() as AddressInfo;
    const secret = given === undefined ? `whsec_${own.toString("base64")}` : "$EVENTS_SECRETS";
    tell(`Waiting for events until Ctrl+C. In another terminal, start the service with:

  export EVENTS_URL=http://127.0.0.1:${taken}/ EVENTS_ALLOW_PRIVATE=on
  export EVENTS_SECRETS=${secret}
  npm start

To have an event sent again, also there: valetkey events resend ID
`);
    await once(server, "close");
  },
});

function isGenuine(
  { headers }: IncomingMessage,
  body: string,
  secrets: ReadonlyArray<Uint8Array>,
): boolean {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": all } = headers;
  if (!(Math.abs(Date.now() - Number(timestamp) * 1000) <= TOLERANCE)) return false;
  const given = String(all)
    .split(" ")
    .map((each) => Buffer.from(each));
  return secrets.some((secret) => {
    const expected = Buffer.from(signature(secret, `${String(id)}.${String(timestamp)}.${body}`));
    return given.some((each) => each.length === expected.length && timingSafeEqual(each, expected));
  });
}

/** Sends a message on as it is, so that the program can verify it itself. */
async function forwarded(url: URL, { headers }: IncomingMessage, body: string): Promise<number> {
  const own = Object.entries(headers).filter(([name]) => /^webhook-|^content-type$/.test(name));
  const init = { method: "POST", headers: Object.fromEntries(own) as Record<string, string>, body };
  const signal = AbortSignal.timeout(20_000);
  return fetch(url, { ...init, redirect: "manual", signal }).then(
    async (answer) => {
      await answer.body?.cancel();
      return answer.status;
    },
    (cause: unknown) => {
      tell(`${url.href} did not answer: ${fetchFailure(cause)}.\n`);
      return 502;
    },
  );
}
