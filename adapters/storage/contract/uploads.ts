import * as Duration from "effect/Duration";
import type { GetRequest, PutRequest } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileName } from "../../../domain/file-name.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { format, type StorageKey } from "../../../domain/storage-key.ts";
import type { UploadRequest } from "../../../domain/upload-policy.ts";
import { assertAccepted } from "./assertions.ts";
import { type Answer, send } from "./send.ts";

// The sample that promises upload, and the two ways to send it.

/** The uploaded bytes, which are neither text nor of a round length. */
export const CONTENT: Uint8Array = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31) & 0xff);
/** Other bytes of the same size. */
export const OTHER: Uint8Array = CONTENT.map((byte) => byte ^ 1);
/** The same bytes and one more. */
export const LONGER: Uint8Array = Buffer.concat([CONTENT, new Uint8Array(1)]);
export const PNG: MediaType = MediaType.make("image/png");

/** A client's request to upload `CONTENT` as a PNG. */
export const UPLOAD: UploadRequest = {
  fileName: FileName.make("é.png"),
  mediaType: PNG,
  size: ByteSize.make(CONTENT.length),
  strict: false,
};

/** A key without an object. */
export const newKey = (): StorageKey =>
  format({
    organization: OrganizationId.make("acme"),
    year: 2026,
    month: 11,
    uuid: crypto.randomUUID(),
    extension: ".png",
  });

const MINUTE = Lifetime.make(Duration.minutes(1));
const objectRequest = (key: StorageKey) =>
  ({ key, lifetime: MINUTE, minLifetime: MINUTE, audience: "public" }) as const;

/** A PUT of `CONTENT` as a PNG for browsers, within a minute. */
export const putRequest = (key = newKey()): PutRequest => ({
  ...objectRequest(key),
  mediaType: PNG,
  size: UPLOAD.size,
  writeOnce: false,
  strict: false,
});

/** A GET of the same, to be shown in place. */
export const getRequest = (key: StorageKey): GetRequest => ({
  ...objectRequest(key),
  responseMediaType: PNG,
  responseDisposition: "inline",
});

/** A PUT as it is sent; of `CONTENT` by default. */
export interface Put {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly chunked?: boolean;
}

export const sendPut = ({ url, ...options }: Put): Promise<Answer> =>
  send("PUT", url, { body: CONTENT, ...options });

/** Sends a PUT that has to be accepted, and returns the object's ETag. */
export async function upload(put: Put): Promise<string> {
  const answer = await sendPut(put);
  assertAccepted(answer);
  return answer.headers.etag ?? "";
}

/** The same PUT with further headers. */
export const withHeaders = (put: Put, headers: Put["headers"]): Put => ({
  ...put,
  headers: { ...put.headers, ...headers },
});

/** A record without one of its members. */
export const without = <A>(members: Readonly<Record<string, A>>, left: string) =>
  Object.fromEntries(Object.entries(members).filter(([name]) => name !== left));

/** The same PUT without one of its headers. */
export const withoutHeader = (put: Put, name: string): Put => ({
  ...put,
  headers: without(put.headers, name),
});

/** A form as a browser sends it. */
export interface Form {
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Further fields, in front of the others or behind the file. */
  readonly before?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly after?: ReadonlyArray<readonly [name: string, value: string]>;
  /** `CONTENT` by default. */
  readonly file?: Uint8Array;
  /** The name of the file's part; `file` by default. */
  readonly part?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a form, whose file the browser describes otherwise than was granted. */
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
