/** The signatures of a CDN. `end` is in seconds since 1970. */
export interface CdnSigner {
  /** Returns a URL with its signature; browsers save the file by `disposition` if the CDN passes it on. */
  readonly sign: (url: string, end: number, disposition: string) => string;
  /** Returns cookies by their names, which open every URL that begins with `prefix`. */
  readonly cookies: (prefix: string, end: number) => Readonly<Record<string, string>>;
}

export type MakeSigner = (keyId: string, key: string) => Promise<CdnSigner>;
