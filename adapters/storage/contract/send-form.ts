import { CONTENT } from "./sample-upload.ts";
import { type Answer, send } from "./send.ts";

/** A form as a browser sends it. */
export interface Form {
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Fields that come besides, in front of the others, or behind the file. */
  readonly before?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly after?: ReadonlyArray<readonly [name: string, value: string]>;
  /** `CONTENT` by default. */
  readonly file?: Uint8Array;
  /** The name of the file's part; `file` by default. */
  readonly part?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a form. What the browser says of the file is never what was granted. */
export async function sendForm(form: Form): Promise<Answer> {
  const { url, fields, before = [], after = [], file = CONTENT, part = "file", headers } = form;
  const data = new FormData();
  for (const [name, value] of [...before, ...Object.entries(fields)]) data.append(name, value);
  data.append(part, new Blob([file.slice()], { type: "text/html" }), "evil.html");
  for (const [name, value] of after) data.append(name, value);
  const encoded = new Response(data);
  return send("POST", url, {
    headers: { ...headers, "Content-Type": encoded.headers.get("content-type") ?? "" },
    body: await encoded.bytes(),
  });
}
