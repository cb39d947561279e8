import { KEY_PREFIX } from "../../domain/storage-key.ts";

/** Setup of a store with its own tools. */
export interface ByHand {
  readonly policyFor: (input: PolicyInput) => Policies;
  /** What the owner of a role or a tenant does, so that the service's own `principal` may use it. */
  readonly trust?: ((principal: string) => Trust) | undefined;
  /**
   * Settings with which it notifies the service: of `{bucket}`, at `{url}`, or at `{login}` with a
   * user and `$SECRET` in it.
   */
  readonly notifications?: string | undefined;
}

export interface Trust {
  readonly document?: object;
  readonly command: string;
}

/** The purpose of a key: uploads, downloads, the service itself, or the bucket's settings. */
export type Use = "put" | "get" | "service" | "diagnose";

export interface PolicyInput {
  readonly bucket: string;
  /** The prefixes below which uploads arrive. */
  readonly arrivals: ReadonlyArray<string>;
  /** The longest lifetime of an upload URL, in milliseconds. */
  readonly longestPut: number;
  /** Names of users, if the policy has them. */
  readonly users: Readonly<{ [Name in "put" | "get" | "service"]?: string | undefined }>;
}

/** The permissions of keys: a policy for each, or one for all; none if the store has none. */
export interface Policies {
  /** Returns the command that attaches a user's policy, which is in a file named after its use. */
  readonly command: (use: string) => string;
  readonly each?: Readonly<Record<Use, object>>;
  readonly all?: object;
}

/** Replaces each `{word}` of a template. */
export const fill = (template: string, words: Readonly<Record<string, string | undefined>>) =>
  template.replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? "");

/** Returns the prefixes that can be read: only files, since unconfirmed uploads are elsewhere. */
export const prefixesFor = (
  use: string,
  arrivals: PolicyInput["arrivals"],
): ReadonlyArray<string> =>
  use === "put" ? arrivals : use === "get" ? [KEY_PREFIX] : [...new Set([KEY_PREFIX, ...arrivals])];
