/** What one check found. */
export interface Finding {
  /** Names the check in a word or two, such as `clock`. */
  readonly check: string;
  readonly verdict: "passed" | "failed" | "could not tell";
  /** What was seen, as a sentence without its full stop. */
  readonly seen: string;
  /** Why it matters; undefined where nothing is wrong. */
  readonly why?: string;
  /** The command or the setting that mends it, or that would tell. */
  readonly mend?: string;
}

export type Findings = ReadonlyArray<Finding>;

export const passed = (check: string, seen: string): Finding => ({
  check,
  verdict: "passed",
  seen,
});

export const failed = (check: string, seen: string, why: string, mend: string): Finding => ({
  check,
  verdict: "failed",
  seen,
  why,
  mend,
});

export const unknown = (check: string, seen: string, mend?: string): Finding => ({
  check,
  verdict: "could not tell",
  seen,
  ...(mend === undefined ? {} : { mend }),
});
