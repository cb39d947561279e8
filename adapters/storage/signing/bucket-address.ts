/** The address of a bucket: the parts of an object's URL before its key. */
export interface BucketAddress {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The `Host` of a request: with the port unless it is the scheme's default. */
  readonly host: string;
  /** The path prefix that a reverse proxy strips: sent, but not signed. */
  readonly unsignedPrefix: string;
  /** Percent-encoded path before the slash of the key; empty when the host names the bucket. */
  readonly path: string;
}

/**
 * Returns the address of a bucket at an endpoint: the bucket is the first path segment (path
 * style), or the first label of the host (virtual host). A path of the endpoint is signed if the
 * store answers under it, and not signed if a reverse proxy strips it.
 */
export function bucketAddress(input: {
  readonly endpoint: URL;
  readonly bucket: string;
  readonly pathStyle: boolean;
  /** True if the store sees the endpoint's path. */
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

interface Endpoints {
  readonly endpoint: URL;
  /** The endpoint for clients; the same if left out. */
  readonly publicEndpoint?: URL | undefined;
  readonly bucket: string;
  readonly pathStyle: boolean;
}

/** Returns the addresses for clients and the service, behind a proxy that strips the path. */
export function bucketAddresses({ endpoint, publicEndpoint = endpoint, ...bucket }: Endpoints) {
  const at = (endpoint: URL) => bucketAddress({ ...bucket, endpoint, signsPath: false });
  return { public: at(publicEndpoint), internal: at(endpoint) };
}

export function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}
