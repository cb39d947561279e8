export interface Problem {
  readonly what: string;
  readonly mend: string;
}

/** Chooses the first problem whose remedy is not false; false means that it is absent. */
export function first(problems: Readonly<Record<string, string | false>>): Problem | undefined {
  for (const [what, mend] of Object.entries(problems)) if (mend !== false) return { what, mend };
  return undefined;
}
