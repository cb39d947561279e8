import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { CONTRACT, standsOn } from "../../../adapters/contract/promises/promises.ts";

const FILE = new URL("../../../adapters/storage/certificate/stands-on.json", import.meta.url);

/** A digest of the table of each contract. Certificates of it are about, so none may change. */
const TABLES = [
  "ttiNgZprilKqvGxvzEJA9fEMAb8uOCmyZKQtwREVUBM",
  "iyt0i9qm8Lpd1luWTooMGxux0wMwHgglWrdEEsxFaJY",
  "j6jGVH7Wm7mn35guZ4-FnmANVzvJWksKzy8R0gzp3-s",
];

it("the table of what abilities stand on is what npm run generate writes", () => {
  expect(JSON.parse(readFileSync(FILE, "utf8"))).toEqual(standsOn);
});

it("another table is of a contract with another number", () => {
  const { abilities } = standsOn;
  const digest = createHash("sha256").update(JSON.stringify(abilities)).digest("base64url");
  expect([CONTRACT, digest]).toEqual([TABLES.length, TABLES.at(-1)]);
});

it("every ability stands on a promise, and no promise is that of two", () => {
  const promises = Object.values(standsOn.abilities);
  for (const each of promises) expect(each.length).toBeGreaterThan(0);
  expect(new Set(promises.flat()).size).toBe(promises.flat().length);
});
