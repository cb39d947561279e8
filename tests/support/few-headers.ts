import { afterAll, beforeAll } from "vitest";
import {
  type Harm,
  HARMS,
  type Row,
  UNSIGNED_HEADERS,
} from "../../adapters/storage/contract/unsigned-headers.ts";

/**
 * Leaves one unsigned header of each kind to the tests beside the call, which are about something
 * else: trying them all is most of what the doctor and the contract do.
 */
export function useFewHeaders(): void {
  const table: Record<Harm, ReadonlyArray<Row>> = UNSIGNED_HEADERS as never;
  const all = { ...table };
  beforeAll(() => {
    for (const harm of HARMS) table[harm] = all[harm].slice(0, 1);
  });
  afterAll(() => void Object.assign(table, all));
}
