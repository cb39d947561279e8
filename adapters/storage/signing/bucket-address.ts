/** Where a bucket is reached: the parts of an object's URL that stand before its key. */
export interface BucketAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host and, unless it is the scheme's own, port: what a client sends as `Host`. */
  readonly host: string;
  /** What a reverse proxy takes off the path before the store sees it: sent, and not signed. */
  readonly unsignedPrefix: string;
  /** Percent-encoded path before the slash of the key; empty when the host names the bucket. */
  readonly path: string;
}

/**
 * The address of a bucket at an endpoint: the bucket as first segment of the path (path style),
 * or as first label of the host (virtual host). A path that the endpoint has is signed, as for a
 * store that answers under it, or left unsigned where a reverse proxy takes it off.
 */
export function bucketAddress(input: {
  readonly endpoint: URL;
  readonly bucket: string;
  readonly pathStyle: boolean;
  /** Whether the store sees the endpoint's path. */
  readonly signsPath: boolean;
}): BucketAddress {
  const { protocol, host, pathname } = input.endpoint;
  const prefix = withoutSlashes(pathname);
  const [unsignedPrefix, signedPrefix] = input.signsPath ? ["", prefix] : [prefix, ""];
  const name = input.pathStyle ? host : `${input.bucket}.${host}`;
  return {
    origin: `${protocol}//${name}`,
    host: name,
    unsignedPrefix,
    path: input.pathStyle ? `${signedPrefix}/${input.bucket}` : signedPrefix,
  };
}

/** A path or an address without the slashes at its end. */
export function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}
