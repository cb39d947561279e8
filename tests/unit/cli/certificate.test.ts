import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  asLines,
  asText,
  changes,
  dangers,
  gains,
} from "../../../adapters/cli/certify/certificate.ts";
import type { Certificate } from "../../../adapters/storage/certificate/certificate.ts";
import { CERTIFICATES } from "../../support/certified-stores.ts";

const FINDINGS = [
  { promise: "a PUT is accepted", outcome: "kept" },
  {
    promise: "another type is refused",
    outcome: "broken",
    why: "it answered 200\nand ```",
  },
  {
    promise: "it takes parts",
    outcome: "not tried",
    why: "it was interrupted",
    needs: "multipart",
  },
] as const;

const CERTIFICATE: Certificate = {
  contract: 1,
  valetkey: "0.1.0",
  date: "2026-11-25",
  adapter: "aws",
  provider: "s3",
  server: "Store/1.0",
  state: { versions: "kept", rules: ["removes every file 1 day after it was stored"] },
  promises: FINDINGS,
  digest: "a",
};

it("a certificate is text for a person", () => {
  expect(asText(CERTIFICATE, FINDINGS)).toBe(`Contract   1
Valetkey   0.1.0
Date       2026-11-25
Adapter    aws
Provider   s3
Server     Store/1.0
Digest     a
Versions   kept
Rules      removes every file 1 day after it was stored

Promises kept: 1; broken: 1; not tried: 1.

kept      a PUT is accepted
broken    another type is refused
          it answered 200
          and \`\`\`
not tried it takes parts (of multipart, which is not used)
          it was interrupted
`);
});

it("a certificate is JSON with a line for each promise", () => {
  expect(asLines(CERTIFICATE)).toContain(`
  "state": {"versions":"kept","rules":["removes every file 1 day after it was stored"]},
  "promises": [
    {"promise":"a PUT is accepted","outcome":"kept"},
    {"promise":"another type is refused","outcome":"broken","why":"it answered 200\\nand \`\`\`"},
    {"promise":"it takes parts","outcome":"not tried","why":"it was interrupted","needs":"multipart"}
  ],
  "digest": "a"
}
`);
});

it("the certificates of the repository are as certify writes them", () => {
  for (const name of readdirSync(CERTIFICATES)) {
    const text = readFileSync(new URL(name, CERTIFICATES), "utf8");
    expect(text, name).toBe(asLines(JSON.parse(text)));
  }
});

it("what every store must keep is named if it is broken", () => {
  expect(dangers([])).toBe("");
  expect(dangers(["nobody reads without a signature"])).toBe(`
DANGER: this store breaks what every store must keep:
  nobody reads without a signature
Close that, or use another store. A service does not start with this certificate, unless STORAGE_ACCEPT_BROKEN=on says that you know.
`);
});

it("it ends with what is gained, and what is not possible", () => {
  const abilities = {
    "bound type": ["another type is refused"],
    multipart: ["it takes parts"],
    sha256: ["a PUT is accepted"],
  };
  expect(gains(abilities, CERTIFICATE.promises, ["bound type"])).toBe(`
Not possible any more: bound type.
Possible by this certificate: files in parts, sha256.
`);
});

it("a comparison names what changed, what is new and what is gone", () => {
  const now: Certificate = {
    ...CERTIFICATE,
    contract: 2,
    server: "Store/2.0",
    state: { versions: "none", rules: [] },
    promises: [
      { promise: "a PUT is accepted", outcome: "broken", why: "500\nmore" },
      { promise: "it takes parts", outcome: "not tried" },
      { promise: "it copies", outcome: "kept" },
    ],
  };
  expect(changes(CERTIFICATE, now)).toEqual([
    "server: was Store/1.0, is Store/2.0",
    "contract: was 1, is 2",
    "bucket: was kept, removes every file 1 day after it was stored, is none",
    "broken, was kept: a PUT is accepted (500)",
    "kept, and new: it copies",
    "no promise any more, was broken: another type is refused",
  ]);
  expect(changes(CERTIFICATE, CERTIFICATE)).toEqual([]);
});
