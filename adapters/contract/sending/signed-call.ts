import { AWS4_HMAC_SHA256, aws4For } from "../../storage/signing/algorithms.ts";
import { signHeaders } from "../../storage/signing/sign-headers.ts";
import { canonicalQuery, timestampAt } from "../../storage/signing/sign-query.ts";
import type { Pair } from "../../storage/signing/v4.ts";
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

/** Sends a call that is signed in its headers, with everything that it has. */
export function sendSigned(caller: Caller, call: SignedCall): Promise<RawAnswer> {
  const { method, path, signedPath = path, query = [], body } = call;
  const service = "service" in call ? call.service : "s3";
  const { endpoint, region, ...keys } = caller;
  const headers = { host: new URL(endpoint).host, ...call.headers };
  const request = { method, path: signedPath, query, headers, body: body ?? "", region };
  const encoded = canonicalQuery(query);
  return send(method, `${endpoint}${path}${encoded && `?${encoded}`}`, {
    headers: {
      ...headers,
      ...(service !== undefined &&
        signHeaders({ ...keys, algorithm: aws4For(service) }, { ...request, now: Date.now() })),
    },
    // A server that refuses need not read the body, and closes the connection.
    isAlone: true,
    ...(body !== undefined && { body }),
  });
}

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
  const day = timestamp.slice(0, 8);
  const { name, scope, signer } = AWS4_HMAC_SHA256;
  const fields = {
    key,
    "x-amz-algorithm": name,
    "x-amz-credential": `${accessKey}/${scope(day, region)}`,
    "x-amz-date": timestamp,
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
  };
  const conditions = [
    { bucket },
    ...Object.entries(fields).map(([name, value]) => ({ [name]: value })),
  ];
  const expiration = new Date(Date.now() + HOUR).toISOString();
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
  const signature = signer(secretKey, day, region)(policy);
  const signed = { ...fields, policy, "x-amz-signature": signature };
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
