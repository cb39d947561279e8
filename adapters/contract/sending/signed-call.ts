import { createHash, createHmac } from "node:crypto";
import { canonicalQuery, timestampAt } from "../../storage/signing/sign-query.ts";
import {
  canonicalRequest,
  type Pair,
  signedHeaders,
  stringToSign,
} from "../../storage/signing/v4.ts";
import { type RawAnswer, send } from "./send.ts";

/** Keys of S3's API, and where they are used. */
export interface Caller {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SignedCall {
  readonly method: string;
  /** As it goes over the wire: it stays as it is written. */
  readonly path: string;
  /** As it is signed, if a server reads it otherwise than it is written. */
  readonly signedPath?: string;
  readonly query?: ReadonlyArray<Pair>;
  /** `host` too, if it is not that of the endpoint. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  /** `s3` by default; undefined for a call that is signed in its body. */
  readonly service?: string | undefined;
}

/**
 * Sends a call that is signed in its headers, as tools do ("Authenticating Requests: Using the
 * Authorization Header", Amazon S3 API Reference), with everything that it has.
 */
export function sendSigned(caller: Caller, call: SignedCall): Promise<RawAnswer> {
  const { method, path, signedPath = path, query = [], body, headers: given } = call;
  const service = "service" in call ? call.service : "s3";
  const { endpoint, region, accessKey, secretKey, sessionToken } = caller;
  if (service === undefined)
    return send(method, `${endpoint}${path}`, {
      headers: given ?? {},
      body: body ?? "",
      isAlone: true,
    });
  const timestamp = timestampAt(Date.now());
  const scope = [timestamp.slice(0, 8), region, service, "aws4_request"];
  const headers: Readonly<Record<string, string>> = {
    host: new URL(endpoint).host,
    ...given,
    "x-amz-date": timestamp,
    "x-amz-content-sha256": createHash("sha256")
      .update(body ?? "")
      .digest("hex"),
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
  };
  const signed = Object.entries(headers)
    .map(([name, value]): Pair => [name.toLowerCase(), value])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const names = signedHeaders(signed);
  const encoded = canonicalQuery(query);
  const text = stringToSign({
    algorithm: { name: ALGORITHM },
    timestamp,
    scope: scope.join("/"),
    canonicalRequest: canonicalRequest({
      method,
      path: signedPath,
      query: encoded,
      headers: signed,
      signedHeaders: names,
    }),
  });
  const signature = signatureOf(secretKey, scope, text);
  const authorization = `${ALGORITHM} Credential=${accessKey}/${scope.join("/")}, SignedHeaders=${names}, Signature=${signature}`;
  return send(method, `${endpoint}${path}${encoded && `?${encoded}`}`, {
    headers: { ...headers, authorization },
    // A server that refuses need not read the body, and closes the connection.
    isAlone: true,
    ...(body !== undefined && { body }),
  });
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/**
 * Makes an upload by a form: "Browser-Based Uploads Using POST (AWS Signature Version 4)", Amazon S3
 * API Reference.
 */
export function formCall(
  { region, accessKey, secretKey, sessionToken }: Caller,
  bucket: string,
  key: string,
  content: string,
): SignedCall {
  const timestamp = timestampAt(Date.now());
  const scope = [timestamp.slice(0, 8), region, "s3", "aws4_request"];
  const fields = {
    key,
    "x-amz-algorithm": ALGORITHM,
    "x-amz-credential": `${accessKey}/${scope.join("/")}`,
    "x-amz-date": timestamp,
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
  };
  const conditions = [
    { bucket },
    ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
  ];
  const expiration = new Date(Date.now() + HOUR).toISOString();
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
  const signed = { ...fields, policy, "x-amz-signature": signatureOf(secretKey, scope, policy) };
  const parts = Object.entries(signed).map(
    ([name, value]) =>
      `--form\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = `--form\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${content}\r\n--form--\r\n`;
  const headers = { "content-type": "multipart/form-data; boundary=form" };
  const body = parts.join("") + file;
  return { method: "POST", path: `/${bucket}`, headers, body, service: undefined };
}

const HOUR = 3_600_000;

/** Signs a text in a scope: day, region, service and their end. */
function signatureOf(secretKey: string, scope: ReadonlyArray<string>, text: string): string {
  let key: Buffer | string = `AWS4${secretKey}`;
  for (const part of scope) key = createHmac("sha256", key).update(part).digest();
  return createHmac("sha256", key).update(text).digest("hex");
}
