import { assertAccepted } from "./assertions.ts";
import { CONTENT } from "./sample-upload.ts";
import { type Answer, send } from "./send.ts";

/** A PUT as it is sent; of `CONTENT` by default. */
export interface Put {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly chunked?: boolean;
}

export const sendPut = ({ url, ...options }: Put): Promise<Answer> =>
  send("PUT", url, { body: CONTENT, ...options });

/** Sends a PUT that has to be accepted. */
export async function upload(put: Put): Promise<void> {
  assertAccepted(await sendPut(put));
}

/** The same PUT with further headers. */
export const withHeaders = (put: Put, headers: Put["headers"]): Put => ({
  ...put,
  headers: { ...put.headers, ...headers },
});

/** The same PUT without one of its headers. */
export function withoutHeader(put: Put, name: string): Put {
  const { [name]: _, ...headers } = put.headers;
  return { ...put, headers };
}
