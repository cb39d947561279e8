import { onTestFinished, TestRunner } from "vitest";

/**
 * Ends what a test has started, also where the test fails before it would. What a hook has started
 * is for the hook of the other end; outside of Vitest it is the caller's business.
 */
export function atTestEnd(end: () => unknown): void {
  if (TestRunner.getCurrentTest() === undefined) return;
  onTestFinished(async () => void (await end()));
}
