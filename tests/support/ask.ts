import type { ServiceProcess } from "./service-process.ts";
import { until } from "./until.ts";

/** A service, and the token of who asks it. */
type Asked = Pick<ServiceProcess, "address" | "token">;

/** Asks a service for something below the files of acme, as a client does. */
export const ask = ({ address, token }: Asked, path: string, body?: object, method = "POST") =>
  fetch(`${address}/api/v1/orgs/acme/files/${path}`, {
    method,
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    ...(body && { body: JSON.stringify(body) }),
  });

/** Asks until it is answered otherwise than with 503: a store or Redis on a busy machine may be late. */
export const answered = (request: () => Promise<Response>): Promise<Response> =>
  until("an answer other than 503", async () => {
    const answer = await request();
    return answer.status !== 503 && answer;
  });

/** The same with the answer read. */
export async function answerOf(...asked: Parameters<typeof ask>) {
  const answer = await ask(...asked);
  return { status: answer.status, body: await answer.json() };
}

export const TEXT = { filename: "a.txt", content_type: "text/plain" };

/** Uploads a file of that, and gives what was granted. */
export async function upload(
  service: Asked,
  asked: object = TEXT,
  content: string | Uint8Array<ArrayBuffer> = "hello",
) {
  const size = content.length;
  const granted = await answered(() => ask(service, "presign", { ...asked, size }));
  const body = await granted.json();
  await fetch(body.put_url, { method: "PUT", headers: body.put_headers, body: content });
  return body;
}
