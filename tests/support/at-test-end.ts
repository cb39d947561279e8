import { onTestFinished, TestRunner } from "vitest";

/**
 * Ends what a test has started, also where the test fails before it would. What a hook has started
 * is for the hook of the other end; outside of Vitest it is the caller's business.
 */
export function atTestEnd(end: () => unknown): void {
  const test = TestRunner.getCurrentTest();
  if (test === undefined) return;
  // Vitest knows only the one that began last.
  if (test.concurrent) throw new Error("a concurrent test starts nothing that ends with a test");
  onTestFinished(async () => void (await end()));
}
