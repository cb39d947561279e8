/** Lines are logged as a sentence, and an object of facts behind it. */
export function partsOf(message: unknown): {
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
} {
  const [text, facts] = Array.isArray(message) ? message : [message];
  return { text: String(text), facts: typeof facts === "object" && facts !== null ? facts : {} };
}
