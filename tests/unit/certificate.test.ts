import { expect, it } from "vitest";
import { asText, type Certificate } from "../../adapters/cli/certify/certificate.ts";

const CERTIFICATE: Certificate = {
  store: "a_store at http://127.0.0.1:9000",
  server: "Store/1.0",
  date: "2026-11-25",
  valetkey: "0.1.0",
  adapter: "aws",
  provider: "s3",
  bucket: undefined,
  promises: [
    { promise: "a PUT is accepted", outcome: "kept" },
    {
      promise: "another type is refused",
      outcome: "not kept",
      reason: "it answered 200\nand ```",
      exchanges: [
        {
          method: "PUT",
          path: "/files/a?X-Amz-Signature=…",
          headers: { "Content-Type": "text/html" },
          answer: { status: 200, headers: { ETag: '"e"' } },
        },
      ],
    },
    { promise: "sha256 is verified", outcome: "not offered", needs: "sha256", wouldKeep: true },
    { promise: "it takes parts", outcome: "not offered", needs: "multipart", wouldKeep: false },
    { promise: "it has two endpoints", outcome: "not offered", needs: "two endpoints" },
  ],
  left: ["orgs/acme/files/a in the bucket files"],
};

it("a certificate is text for a person", () => {
  expect(asText(CERTIFICATE)).toBe(`Store      a_store at http://127.0.0.1:9000
Server     Store/1.0
Date       2026-11-25
Valetkey   0.1.0
Adapter    aws
Provider   s3

Promises kept: 1; not kept: 1; not offered: 3.

kept         a PUT is accepted
not kept     another type is refused
             it answered 200
             and \`\`\`
             PUT /files/a?X-Amz-Signature=…
                Content-Type: text/html
             -> 200
                ETag: "e"
not offered  sha256: kept when it was tried
not offered  multipart: not kept when it was tried ("it takes parts")
not offered  two endpoints: not tried

This could not be removed again:
  orgs/acme/files/a in the bucket files
`);
});
