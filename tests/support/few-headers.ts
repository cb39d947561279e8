import { afterAll, beforeAll } from "vitest";
import { SPELLINGS } from "../../adapters/contract/promises/spellings.ts";
import {
  type Harm,
  HARMS,
  type Row,
  UNSIGNED_HEADERS,
} from "../../adapters/contract/promises/unsigned-headers.ts";

const TABLE: Record<Harm, ReadonlyArray<Row>> = UNSIGNED_HEADERS as never;
const ALL = { ...TABLE };

/** Leaves these unsigned headers of a kind to the tests that follow in the file. */
export const leaveHeaders = (harm: Harm, rows: ReadonlyArray<Row>) => void (TABLE[harm] = rows);

/**
 * Leaves the first unsigned headers of each kind, and some spellings, to the tests beside the call,
 * which are about something else: trying them all is most of what the contract does.
 */
export function useFewHeaders({
  headers,
  spellings,
}: {
  readonly headers: number;
  readonly spellings: ReadonlyArray<string>;
}): void {
  const spelled: Record<string, unknown> = SPELLINGS;
  const every = { ...SPELLINGS };
  beforeAll(() => {
    for (const harm of HARMS) leaveHeaders(harm, ALL[harm].slice(0, headers));
    for (const name of Object.keys(every)) if (!spellings.includes(name)) delete spelled[name];
  });
  afterAll(() => {
    Object.assign(TABLE, ALL);
    Object.assign(spelled, every);
  });
}
