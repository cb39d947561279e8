import { isDeepStrictEqual } from "node:util";
import { AWS4_HMAC_SHA256 } from "../../../adapters/storage/signing/algorithms.ts";
import { signQuery } from "../../../adapters/storage/signing/sign-query.ts";
import { encodeKey, type Pair } from "../../../adapters/storage/signing/v4.ts";
import { Refused } from "../../../adapters/storage/local/refusal.ts";
import { verify } from "../../../adapters/storage/local/verify.ts";
import type { Target } from "../engine.ts";

// Signed requests. An input that begins with `sign` is a key and a media type to sign; any other is
// a request: method and address, and then its headers, a line each.

const KEYS = {
  algorithm: AWS4_HMAC_SHA256,
  accessKey: "valetkey-local",
  secretKey: "of-the-fuzz-target",
};
const NOW = Date.UTC(2026, 10, 28, 12);
const REGION = "local";
const HOST = "127.0.0.1:8787";
const expected = { keys: KEYS, region: REGION, now: NOW };

interface Plain {
  readonly method: string;
  readonly path: string;
  readonly query: ReadonlyArray<Pair>;
  readonly headers: ReadonlyArray<Pair>;
}

const sign = ({ method, path, query, headers }: Plain): string =>
  signQuery(KEYS, {
    method,
    origin: `http://${HOST}`,
    path,
    query,
    headers: [...headers, ["host", HOST] as const].sort(([a], [b]) => (a < b ? -1 : 1)),
    region: REGION,
    now: NOW,
    expiresIn: 900,
  });

const SIGNED: ReadonlyArray<Plain> = [
  {
    method: "GET",
    path: "/files/a.png",
    query: [["response-content-type", "image/png"]],
    headers: [],
  },
  {
    method: "PUT",
    path: "/files/orgs/acme/a%20b.png",
    query: [],
    headers: [
      ["content-length", "5"],
      ["content-type", "image/png"],
      ["if-none-match", "*"],
    ],
  },
  {
    method: "PUT",
    path: "/files/a",
    query: [
      ["partNumber", "1"],
      ["uploadId", "a+b/c="],
    ],
    headers: [["content-type", 'text/plain; charset="utf-8"']],
  },
];

function run(input: Buffer): void {
  const text = input.toString("latin1");
  if (text.startsWith("sign\n")) signAndVerify(input.subarray(5).toString());
  else verifyOnly(text);
}

/** What verifies is one of the signed requests, in method, path, query and every signed header. */
function verifyOnly(text: string): void {
  const request = requestFrom(text);
  if (request === undefined || !verifies(request)) return;
  const url = new URL(request.url);
  const query = [...url.searchParams].filter(([name]) => !name.startsWith("X-Amz-")).sort();
  const isOneOf = SIGNED.some(
    ({ method, path, query: pairs, headers }) =>
      request.method === method &&
      url.pathname === path &&
      isDeepStrictEqual(query, [...pairs].sort()) &&
      headers.every(([name, value]) => folded(request.headers.get(name)) === value),
  );
  if (!isOneOf) throw new Error(`verified, and was never signed: ${text}`);
}

/** White space around a value, and runs of it inside, are not signed. */
const folded = (value: string | null) => value?.replaceAll(/[\t ]+/g, " ").trim();

/** Any key and media type that can be signed are verified as signed, and with one byte more not. */
function signAndVerify(text: string): void {
  const [key = "", type = ""] = text.split("\n");
  const encoded = encodedOrRefused(key);
  if (encoded === undefined) return;
  if (decodeURIComponent(encoded) !== key) throw new Error(`${encoded} is not ${key}`);
  const path = `/files/${encoded}`;
  // Addresses with dot segments are other addresses to `URL`; the service makes none.
  if (new URL(`http://${HOST}${path}`).pathname !== path) return;
  const headers: Array<Pair> = type === "" ? [] : [["content-type", type]];
  const url = sign({ method: "PUT", path, query: [], headers });
  const request = requestFrom(
    [`PUT ${url.slice(`http://${HOST}`.length)}`, ...headers.map((pair) => pair.join(": "))].join(
      "\n",
    ),
  );
  if (
    request === undefined ||
    folded(request.headers.get("content-type")) !== (type === "" ? undefined : folded(type))
  )
    return;
  if (/[^\t\x20-\x7e]/.test(type)) return;
  if (!verifies(request)) throw new Error(`signed, and does not verify: ${url}`);
  const other = new Request(request.url.replace("/files/", "/files/x"), request);
  if (verifies(other)) throw new Error(`another key verifies: ${other.url}`);
}

function encodedOrRefused(key: string): string | undefined {
  try {
    return encodeKey(key);
  } catch (cause) {
    if (cause instanceof URIError) return undefined;
    throw cause;
  }
}

function verifies(request: Request): boolean {
  try {
    verify(request, expected);
    return true;
  } catch (cause) {
    if (cause instanceof Refused) return false;
    throw cause;
  }
}

/** Undefined for what no server would hand on. */
function requestFrom(text: string): Request | undefined {
  const [line = "", ...headers] = text.split("\n");
  const space = line.indexOf(" ");
  try {
    return new Request(`http://${HOST}${line.slice(space + 1)}`, {
      method: line.slice(0, space),
      headers: headers.map((header): [string, string] => {
        const colon = header.indexOf(":");
        return [header.slice(0, colon), header.slice(colon + 1)];
      }),
    });
  } catch {
    return undefined;
  }
}

export const v4: Target = {
  name: "v4",
  run,
  seeds: [
    ...SIGNED.map((plain) => {
      const lines = plain.headers.map((pair) => pair.join(": "));
      return Buffer.from(
        [`${plain.method} ${sign(plain).slice(`http://${HOST}`.length)}`, ...lines].join("\n"),
      );
    }),
    Buffer.from("sign\norgs/acme/a b.png\nimage/png"),
    Buffer.from("sign\n%2F/~!*'()/é/😀\ntext/plain; charset=utf-8"),
  ],
  words:
    "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders X-Amz-Signature AWS4-HMAC-SHA256 %2F %3B &host=x ; PUT GET DELETE host: content-type: content-length: x-amz-copy-source: //  /../ %2e%2e 20261128T120000Z sign\n".split(
      / +/,
    ),
  work: [1000, 20],
};
