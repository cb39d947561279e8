export interface Problem {
  readonly what: string;
  readonly mend: string;
}

/** The remedy of each problem; false for those that are not there. */
export type Problems = Readonly<Record<string, string | false>>;

export const every = (problems: Problems): ReadonlyArray<Problem> =>
  Object.entries(problems).flatMap(([what, mend]) => (mend === false ? [] : [{ what, mend }]));

export const first = (problems: Problems): Problem | undefined => every(problems)[0];
