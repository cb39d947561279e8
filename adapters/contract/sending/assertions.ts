import assert from "node:assert/strict";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { RawAnswer } from "./exchange.ts";

// Assertions beyond `node:assert`. Neither they nor the promises need a test runner.

export function assertStatus(answer: RawAnswer, statuses: ReadonlyArray<number>): void {
  if (statuses.includes(answer.status)) return;
  const message = `${described(answer)} instead of ${[...new Set(statuses)].join(" or ")}`;
  throw new assert.AssertionError({ message, stackStartFn: assertStatus });
}

export const assertAccepted = (answer: RawAnswer): void => assert.ok(answer.ok, described(answer));

export const assertNotAccepted = (answer: RawAnswer): void =>
  assert.ok(!answer.ok, described(answer));

export function assertBytes(answer: RawAnswer, bytes: Uint8Array): void {
  const { body } = answer;
  assert.ok(
    body.equals(bytes),
    `${described(answer)} and ${body.length} bytes, which are not the ${bytes.length} expected`,
  );
}

/** Fails unless the value has the expected members; it may have more, but not longer lists. */
export const assertMatches = (actual: unknown, expected: unknown): void =>
  assert.deepEqual(sameMembers(actual, expected), expected);

/** The members of a value that are expected, so that a difference shows no others. */
function sameMembers(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.map((item, index) => sameMembers(item, expected[index]));
  }
  if (!isRecord(actual) || !isRecord(expected)) return actual;
  const members = Object.keys(expected).filter((name) => name in actual);
  return Object.fromEntries(
    members.map((name) => [name, sameMembers(actual[name], expected[name])]),
  );
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Describes an answer without its body, which may hold the signature. */
function described({ ok, status, body }: RawAnswer): string {
  const { code, message } = refusalIn({ status, text: ok ? "" : body.toString() });
  const said = [code, message].filter(Boolean).join(": ");
  return `the store answered with ${status}${said && ` (${said})`}`;
}
