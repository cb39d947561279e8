export interface Finding {
  /** A word or two, such as `clock`. */
  readonly check: string;
  readonly verdict: "passed" | "failed" | "could not tell";
  /** The observation, as a sentence without its full stop. */
  readonly seen: string;
  /** The consequence; undefined where nothing is wrong. */
  readonly why?: string;
  /** The command or the setting that mends it, or that would tell. */
  readonly mend?: string;
}

export type Tell = (finding: Finding) => unknown;

export type Report = ReturnType<typeof reportTo>;

export const reportTo = (tell: Tell, check: string) => ({
  passed: (seen: string): void => void tell({ check, verdict: "passed", seen }),
  failed: (seen: string, why: string, mend: string): void =>
    void tell({ check, verdict: "failed", seen, why, mend }),
  unknown: (seen: string, mend?: string): void =>
    void tell({ check, verdict: "could not tell", seen, ...(mend !== undefined && { mend }) }),
});
