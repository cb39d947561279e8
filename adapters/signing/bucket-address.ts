/** Where a bucket is reached: the parts of an object's URL that stand before its key. */
export interface BucketAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host and, unless it is the scheme's own, port: what a client sends as `Host`. */
  readonly host: string;
  /** Percent-encoded path before the slash of the key; empty when the host names the bucket. */
  readonly path: string;
}

/**
 * The address of a bucket at an endpoint: the bucket as first segment of the path (path style),
 * or as first label of the host (virtual host).
 */
export function bucketAddress(input: {
  readonly endpoint: URL;
  readonly bucket: string;
  readonly pathStyle: boolean;
}): BucketAddress {
  const { protocol, host, pathname } = input.endpoint;
  const prefix = pathname.replace(/\/+$/, "");
  if (input.pathStyle) {
    return { origin: `${protocol}//${host}`, host, path: `${prefix}/${input.bucket}` };
  }
  const virtualHost = `${input.bucket}.${host}`;
  return { origin: `${protocol}//${virtualHost}`, host: virtualHost, path: prefix };
}
