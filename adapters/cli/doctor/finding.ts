export interface Finding {
  /** A word or two, such as `clock`. */
  readonly check: string;
  readonly verdict: "passed" | "failed" | "could not tell";
  /** The observation, as a sentence without its full stop. */
  readonly seen: string;
  /** The consequence; undefined if nothing is wrong. */
  readonly why?: string;
  /** The command or setting that repairs it, or that would show the answer. */
  readonly mend?: string;
}

export type OnFinding = (finding: Finding) => unknown;

export type Report = ReturnType<typeof reportTo>;

export const reportTo = (onFinding: OnFinding, check: string) => ({
  passed: (seen: string): void => void onFinding({ check, verdict: "passed", seen }),
  failed: (seen: string, why: string, mend: string): void =>
    void onFinding({ check, verdict: "failed", seen, why, mend }),
  unknown: (seen: string, mend?: string): void =>
    void onFinding({ check, verdict: "could not tell", seen, ...(mend !== undefined && { mend }) }),
});
