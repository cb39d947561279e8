import type { Answer } from "../../storage/contract/send.ts";

/** Whether an answer is one of a store: XML about an object or a bucket. */
export const isOfStore = ({ status, body }: Answer): boolean =>
  (status >= 300 && /<Code>\w+<\/Code>/.test(body.toString())) || status === 412;

/** What answered instead of a store, and how to mend that with the setting of the address. */
export function notAStore(
  { status, headers, body }: Answer,
  setting: string,
): readonly [problem: string, mend: string] {
  const { location = "" } = headers;
  const text = body.toString("latin1", 0, 4096);
  if (status >= 300 && status < 400 && URL.canParse(location)) {
    const { origin } = new URL(location);
    return [
      `redirects to ${origin} (${status})`,
      `set ${setting}=${origin}, or let it answer without a redirect: a signed URL holds for one host`,
    ];
  }
  if (status >= 300 && status < 400) {
    return [
      `redirects to a page of its own (${status})`,
      "let it pass requests with a signed URL, which need no login",
    ];
  }
  if (/HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(text)) {
    return [`answered ${status}: it speaks https`, `let ${setting} begin with https://`];
  }
  if (status >= 502 && status <= 504) {
    return [
      `answered ${status}: a proxy is there, and no store behind it answers`,
      "start the store, or correct where the proxy sends its requests",
    ];
  }
  if ([401, 403, 407, 429].includes(status)) {
    return [
      `answered ${status}, and not as a store: a proxy, a firewall or a login refuses`,
      "let it pass requests with a signed URL, which need nothing else",
    ];
  }
  const isPage = /^\s*<(?:!doctype html|html)/i.test(text);
  return [
    `answered ${status}${isPage ? " with a web page" : ""}, and not as a store`,
    `set ${setting} to the address of the store's API, and not of its console (MinIO: port 9000, not 9001) or of another server`,
  ];
}
