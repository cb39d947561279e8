/** The purpose of a key: uploads, downloads, the service itself, or the bucket's settings. */
export type Use = "put" | "get" | "service" | "diagnose";

export interface Policy {
  readonly Version: string;
  readonly Statement: ReadonlyArray<Statement>;
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect?: string;
  readonly [member: string]: unknown;
}

/** A statement that allows or denies these. */
export interface Own extends Statement {
  readonly Action: ReadonlyArray<string>;
}

export interface PolicyInput {
  readonly bucket: string;
  /** The prefixes below which uploads arrive. */
  readonly arrivals: ReadonlyArray<string>;
  /** The longest life of an upload URL, in milliseconds. */
  readonly longestPut: number;
  readonly users: Readonly<Record<"put" | "get" | "service", string>>;
}
