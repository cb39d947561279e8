interface About {
  /** Of a server that is no provider of its own. */
  readonly title?: string;
  /** Promises that its certificate has under "Not kept", in its order. */
  readonly promises?: ReadonlyArray<string>;
  /** Markdown that its page begins with: a danger first, then how it is set up. */
  readonly text: string;
}

const COMMON = "[the settings of any server](../stores.md#providers-of-the-s3-api)";

/** What `npm run generate -- certificates` writes before the result, of each store that was tried. */
export const ABOUT: Readonly<Partial<Record<string, About>>> = {
  gcs: { title: "Google Cloud Storage", text: "" },
  minio: {
    text: `**For development and tests:** its last public source has [a hole](../security.md#advisories). In production use [SeaweedFS](../compose.md#seaweedfs), a build with the fix, or a proxy that refuses such requests, as in \`deploy/compose.yaml\`.

Set it up by [stores](../stores.md#minio) or with [Compose](../compose.md#minio).`,
  },
  seaweedfs: {
    text: `The store that we recommend for a server of your own. Set it up with [Compose](../compose.md#seaweedfs), or with ${COMMON}; its S3 API listens on port 8333.`,
  },
  versitygw: {
    text: `Set it up with ${COMMON}; it listens on port 7070. \`valetkey policy put\` (\`get\`, \`service\`) prints the policy of the bucket for its three users.`,
  },
  ceph: {
    text: `Set it up with ${COMMON}; it often listens on port 7480. \`valetkey policy put\` (\`get\`, \`service\`) prints the policy of the bucket for its three users. URLs are write-once only in [a bucket without versions](../stores.md#buckets-that-keep-versions).`,
  },
  swift: {
    promises: [
      "by default, a PUT that says its length and comes in chunks has no other size",
      "under strict, a PUT that says its length and comes in chunks has no other size",
      "no unsigned header removes the file, or changes what a rule or confirm knows it by, unseen by confirm",
    ],
    text: `**Whoever has an upload URL can read every object that its key can read**, of any organization: with the unsigned header \`x_amz_copy_source: /bucket/key\`, a \`PUT\` becomes a copy, which \`confirm\` does not notice if size and type are the same.

**Whoever has one can let Swift remove the file after it is confirmed**, by an unsigned \`X-Delete-At\` or \`X-Delete-After\`, **and store a body of any size**, in chunks; \`confirm\` refuses such a file, but it stays.

Set it up so:

1. Give \`STORAGE_PUT_ACCESS_KEY\` a user that may only write: \`swift post CONTAINER --write-acl PROJECT:USER\`. That closes the first hole; the service does not start without it, nor with a user who can read.
2. Let only a reverse proxy lead to Swift that passes a list of headers alone, of \`x-amz-*\` what the URL binds, and no \`Content-Length\` beside chunks, as \`deploy/compose/store.caddy\` does. That closes all three.
3. For files in parts, let the same user write and read \`CONTAINER+segments\`, as Swift asks of whoever sends a part, and run \`valetkey certify\` at the proxy, with \`STORAGE_BUCKET\`: only its certificate turns them on. Without the proxy, such a user copies the parts of others.`,
  },
  garage: {
    text: `Set it up with ${COMMON}; it listens on port 3900.`,
  },
  moto: {
    title: "moto",
    text: `**For tests alone:** moto checks no signature, so anybody can write and read everything. A test that passes there says nothing of another store.

Set it up with \`pip install 'moto[server,s3]'\` and \`moto_server\`, which keeps all in memory.`,
  },
  juicefs: {
    title: "JuiceFS gateway",
    text: `**Whoever has one upload URL can write under any key and copy any object**, by unsigned headers: its S3 side is an old MinIO, which unpacks archives. Let nothing but a proxy that refuses such headers lead to it, as in \`deploy/compose.yaml\`.

Set it up with \`juicefs gateway --multi-buckets --keep-etag --object-tag --object-meta\` and ${COMMON}.`,
  },
  s3proxy: {
    title: "S3Proxy",
    text: `**Whoever has an upload URL can copy every object that its key can read**, by an unsigned \`x-amz-copy-source\`, and store a body of any size in chunks. Let nothing but a proxy that refuses such requests lead to it, as in \`deploy/compose.yaml\`.

Tried over a folder (\`filesystem-nio2\`), with ${COMMON}.`,
  },
};
