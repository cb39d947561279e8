import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { failed, type Findings, passed, unknown } from "./finding.ts";
import { told } from "./store-answer.ts";
import { BYTES, check, OTHER_BYTES, type Target } from "./target.ts";

const MEND =
  "give uploads a key of their own (STORAGE_PUT_ACCESS_KEY, STORAGE_PUT_SECRET_KEY), which may do what `valetkey policy put` prints";

const ALL_USERS = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';
const SSE_KEY = Buffer.alloc(32, 7);

/** A header that a client can add without a signature, and how to see that the store obeyed it. */
interface Added {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly effect: "public" | "tagged" | "encrypted" | "accepted";
  readonly why: string;
}

const OTHERS_READ = "Whoever holds an upload URL can let everybody read the file.";

const ADDED: ReadonlyArray<Added> = [
  {
    name: "x-amz-acl",
    headers: { "x-amz-acl": "public-read" },
    effect: "public",
    why: OTHERS_READ,
  },
  {
    name: "x-amz-grant-read",
    headers: { "x-amz-grant-read": ALL_USERS },
    effect: "public",
    why: OTHERS_READ,
  },
  {
    name: "x-amz-tagging",
    headers: { "x-amz-tagging": "valetkey=pending" },
    effect: "tagged",
    why: "With the mark of unconfirmed uploads, the bucket's rule removes a file that was confirmed.",
  },
  {
    name: "x-amz-server-side-encryption-customer-key",
    headers: {
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key": SSE_KEY.toString("base64"),
      "x-amz-server-side-encryption-customer-key-md5": createHash("md5")
        .update(SSE_KEY)
        .digest("base64"),
    },
    effect: "encrypted",
    why: "Nobody but the client can read the file.",
  },
];

/** What the key for uploads may do beyond a PUT, by its own requests and by headers on a PUT. */
export const privilege = (
  target: Target,
  audience: Audience,
  stored: StorageKey,
): Effect.Effect<Findings> =>
  Effect.all([
    check("least privilege", ownRequests(target, stored)),
    check("least privilege", copySource(target, audience, stored)),
    ...ADDED.map((added) => check("unsigned headers", addedHeader(target, audience, added))),
    check("unsigned headers", deleteAfter(target, audience)),
    check("forged upload", forged(target, audience)),
  ]).pipe(Effect.map((findings) => findings.flat()));

const ownRequests = Effect.fnUntraced(function* (target: Target, stored: StorageKey) {
  const victim = yield* target.newKey;
  yield* target.put(yield* target.signPut(victim, { audience: "internal" }));
  const may: Array<string> = [];
  const attempts = [
    ["list the bucket", { method: "GET", query: [["max-keys", "1"]] }],
    ["read objects", { method: "GET", key: stored }],
    ["remove objects", { method: "DELETE", key: victim }],
  ] as const;
  for (const [what, request] of attempts) {
    const { ok } = yield* target.asKey("put", request);
    if (ok) may.push(what);
  }
  return may.length === 0
    ? [passed("least privilege", "the key that signs uploads may not list, read or remove")]
    : [
        failed(
          "least privilege",
          `the key that signs uploads may also ${may.join(", ")}${may.length === attempts.length ? ", as the root user or an administrator may" : ""}`,
          "Whoever gets a signed URL or this key can do more than upload one file.",
          MEND,
        ),
      ];
});

const copySource = Effect.fnUntraced(function* (
  target: Target,
  audience: Audience,
  stored: StorageKey,
) {
  const key = yield* target.newKey;
  const signed = yield* target.signPut(key, { audience });
  const headers = { "x-amz-copy-source": `/${target.s3?.bucket}/${stored}` };
  const answer = yield* target.put(signed, { headers, body: OTHER_BYTES });
  if (!answer.ok) {
    return [
      passed("least privilege", `an upload cannot become a copy of another file (${told(answer)})`),
    ];
  }
  const read = yield* target.send("GET", (yield* target.signGet(key, { audience })).url);
  if (!read.ok) {
    return [unknown("least privilege", `what a copy has made cannot be read (${told(read)})`)];
  }
  return read.body.equals(BYTES)
    ? [
        failed(
          "least privilege",
          "with an unsigned x-amz-copy-source an upload became a copy of another file",
          "Whoever holds an upload URL can read every file that the signing key can read.",
          MEND,
        ),
      ]
    : [passed("least privilege", "an unsigned x-amz-copy-source is ignored")];
});

const addedHeader = Effect.fnUntraced(function* (
  target: Target,
  audience: Audience,
  { name, headers, effect, why }: Added,
): Effect.fn.Return<Findings, { readonly reason: string }> {
  const key = yield* target.newKey;
  const signed = yield* target.signPut(key, { audience });
  const answer = yield* target.put(signed, { headers });
  const refusedOrIgnored = (what: string): Findings => [
    passed("unsigned headers", `an unsigned ${name} is ${what}`),
  ];
  if (!answer.ok) return refusedOrIgnored(`refused (${told(answer)})`);
  const isObeyed = yield* EFFECTS[effect](target, key, signed.url);
  if (isObeyed === undefined) {
    return [
      unknown("unsigned headers", `the service's key may not look whether ${name} was obeyed`),
    ];
  }
  return isObeyed
    ? [failed("unsigned headers", `an unsigned ${name} is obeyed`, why, MEND)]
    : refusedOrIgnored("ignored");
});

type Seen = (
  target: Target,
  key: StorageKey,
  url: string,
) => Effect.Effect<boolean | undefined, { readonly reason: string }>;

/** How to see that a header was obeyed; undefined if the service's key may not look. */
const EFFECTS: Readonly<Record<Added["effect"], Seen>> = {
  public: (target, _key, url) =>
    Effect.map(target.send("GET", url.slice(0, url.indexOf("?"))), ({ ok }) => ok),
  tagged: (target, key) =>
    Effect.map(
      target.asKey("service", { method: "GET", key, query: [["tagging", ""]] }),
      ({ status, text }) => (status === 403 ? undefined : text.includes("<Key>valetkey</Key>")),
    ),
  encrypted: (target, key) =>
    Effect.map(target.asKey("service", { method: "HEAD", key }), ({ status }) =>
      status === 403 ? undefined : status === 400,
    ),
  accepted: () => Effect.succeed(true),
};

/** The headers by which a Swift is known. */
const SWIFT = ["x-trans-id", "x-openstack-request-id"];

/** Swift removes such an object by itself; the others do not know the header. */
const deleteAfter = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const key = yield* target.newKey;
  const signed = yield* target.signPut(key, { audience });
  const answer = yield* target.put(signed, { headers: { "X-Delete-After": "1" } });
  if (!answer.ok)
    return [passed("unsigned headers", `X-Delete-After is refused (${told(answer)})`)];
  // Waiting is for servers that may be a Swift.
  const isSwift = SWIFT.some((name) => answer.headers[name] !== undefined);
  if (!isSwift && !["swift", "s3"].includes(target.s3?.provider ?? "s3")) {
    return [passed("unsigned headers", "the store is no Swift, which alone knows X-Delete-After")];
  }
  yield* Effect.sleep("2 seconds");
  const { status } = yield* target.asKey("service", { method: "HEAD", key });
  if (status === 403) {
    return [unknown("unsigned headers", "the service's key may not look at what was put")];
  }
  return status === 404
    ? [
        failed(
          "unsigned headers",
          "an unsigned X-Delete-After is obeyed: the file was gone after a second",
          "A confirmed file can disappear, and nothing in the store's answers tells.",
          'let a proxy remove the header: nginx: proxy_set_header X-Delete-After ""; proxy_set_header X-Delete-At "";',
        ),
      ]
    : [passed("unsigned headers", "X-Delete-After is ignored")];
});

/** CVE-2026-41145: a MinIO that does not verify the signature of such an upload. */
const forged = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const key = yield* target.newKey;
  const { url } = yield* target.signPut(key, { audience });
  const crc32 = Buffer.alloc(4);
  crc32.writeUInt32BE(zlib.crc32("forged"));
  const answer = yield* target.send(
    "PUT",
    url
      .replace(/(X-Amz-Signature=)[^&]+/, `$1${"0".repeat(64)}`)
      .replace(/(X-Amz-SignedHeaders=)[^&]+/, "$1host"),
    {
      headers: {
        "Content-Type": "image/png",
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "6",
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: `6\r\nforged\r\n0\r\nx-amz-checksum-crc32:${crc32.toString("base64")}\r\n\r\n`,
    },
  );
  return answer.ok
    ? [
        failed(
          "forged upload",
          "an upload without a valid signature is accepted when it is sent as STREAMING-UNSIGNED-PAYLOAD-TRAILER (CVE-2026-41145)",
          "Whoever has seen one signed URL can write under any key. Only confirm notices.",
          "update the store to a build with the fix, or let a proxy refuse requests with x-amz-content-sha256: STREAMING-*",
        ),
      ]
    : [passed("forged upload", `an upload with a forged signature is refused (${told(answer)})`)];
});
