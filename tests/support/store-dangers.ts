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
    text: `**For development and tests.** MinIO's upstream is archived, and its last source has a hole: [whoever holds one signed URL can write under any key](../security.md#advisories). In production use [SeaweedFS](../compose.md#seaweedfs), a build with the fix, or a proxy that refuses such requests, as in \`deploy/compose.yaml\`.

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
      "no unsigned header stores other bytes, unseen by confirm",
      "no unsigned header removes the file, or changes what a rule or confirm knows it by, unseen by confirm",
    ],
    text: `**Whoever has an upload URL can read every object that its key can read**, of any bucket and organization: with the unsigned header \`x_amz_copy_source: /bucket/key\`, a \`PUT\` as granted becomes a copy. Swift takes \`_\` for \`-\` there, and asks for no signature. \`confirm\` does not notice if size and type are the same.

**Whoever has an upload URL can let Swift remove the file after it is confirmed**, by an unsigned \`X-Delete-At\` or \`X-Delete-After\`. Its S3 API does not show that time to \`confirm\`.

**An upload URL stores a body of any size**, up to Swift's \`max_file_size\`, if it comes in chunks with the granted \`Content-Length\`. \`confirm\` refuses the file, but it stays in the store.

Set it up so:

1. Give \`STORAGE_PUT_ACCESS_KEY\` a user that may only write: \`swift post CONTAINER --write-acl PROJECT:USER\`. That closes the first hole (tried under every spelling: 403). The service does not start without such a key.
2. Put a reverse proxy in front of Swift, and let nothing else lead to it. It passes a list of headers alone, of \`x-amz-*\` what the URL binds, and no \`Content-Length\` beside chunks, as \`deploy/compose/store.caddy\` does. That closes all three. Run \`valetkey certify\` at its address, with \`STORAGE_BUCKET\`, to see that of yours.`,
  },
  garage: {
    text: `Set it up with ${COMMON}; it listens on port 3900.`,
  },
  moto: {
    title: "moto",
    text: `**For tests alone:** moto checks no signature, so anybody can write and read everything. What a test sees there says nothing of another store.

\`pip install 'moto[server,s3]'\`, \`moto_server\`; it is in memory.`,
  },
  juicefs: {
    title: "JuiceFS gateway",
    text: `**A confirmed file can be replaced** by whoever still has its upload URL, since nothing is write-once. Its S3 side is a MinIO of before 2022.

\`juicefs gateway --multi-buckets --keep-etag --object-tag --object-meta\`, with ${COMMON}.`,
  },
  s3proxy: {
    title: "S3Proxy",
    text: `**Whoever has an upload URL can copy every object that its key can read**, by an unsigned \`x-amz-copy-source\`; a key that may only put does not exist there. Do not use it without a proxy that refuses such headers, as in \`deploy/compose.yaml\`.

Tried over a folder (\`filesystem-nio2\`), with ${COMMON}.`,
  },
  s3mock: {
    title: "Adobe S3Mock",
    text: `**For tests alone:** S3Mock checks no signature, so anybody can write and read everything.`,
  },
  s3rver: {
    title: "s3rver",
    text: `**For tests alone:** s3rver is not maintained, and checks little of what it is sent.`,
  },
  rclone: {
    title: "rclone serve s3",
    text: `**Not for uploads by others:** see what is broken.`,
  },
};
