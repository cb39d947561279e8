import { KEY_PREFIX } from "../../domain/storage-key.ts";

/** What is set up at a store with its own tools. */
export interface ByHand {
  readonly policyFor: (input: PolicyInput) => Policies;
  /**
   * The settings by which it notifies the service: of `{bucket}`, at `{url}`, or at `{login}` with a
   * user and `$SECRET` in it.
   */
  readonly notifications?: string | undefined;
}

/** The purpose of a key: uploads, downloads, the service itself, or the bucket's settings. */
export type Use = "put" | "get" | "service" | "diagnose";

export interface PolicyInput {
  readonly bucket: string;
  /** The prefixes below which uploads arrive. */
  readonly arrivals: ReadonlyArray<string>;
  /** The longest life of an upload URL, in milliseconds. */
  readonly longestPut: number;
  /** Names of users, where the policy has them. */
  readonly users: Readonly<{ [Name in "put" | "get" | "service"]?: string | undefined }>;
}

/** What keys may do: each its own, or all together; stores without policies have neither. */
export interface Policies {
  /** The command that gives a user its policy, which is in a file named after its use. */
  readonly command: (use: string) => string;
  readonly each?: Readonly<Record<Use, object>>;
  readonly all?: object;
}

/** Replaces each `{word}` of a template. */
export const fill = (template: string, words: Readonly<Record<string, string | undefined>>) =>
  template.replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? "");

/** Files alone can be read; what nobody has confirmed is below another prefix. */
export const prefixesFor = (
  use: string,
  arrivals: PolicyInput["arrivals"],
): ReadonlyArray<string> =>
  use === "put" ? arrivals : use === "get" ? [KEY_PREFIX] : [...new Set([KEY_PREFIX, ...arrivals])];
