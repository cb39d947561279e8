import { expect, it } from "vitest";
import { valetkey } from "../support/command-line.ts";

const env = {
  STORAGE_ADAPTER: "minio",
  STORAGE_ENDPOINT: "http://127.0.0.1:9",
  STORAGE_ACCESS_KEY: "key",
  STORAGE_SECRET_KEY: "secret",
  STORAGE_POLICIES: JSON.stringify({
    files: { arrival: "incoming", unconfirmed_after: "3 days" },
    slow: { unconfirmed_after: "7 days" },
  }),
};
const run = async (args: ReadonlyArray<string>, over: Readonly<Record<string, string>> = {}) => {
  const { code, stdout, stderr } = await valetkey(["lifecycle", ...args], { ...env, ...over });
  return { code, output: stdout + stderr };
};

it("the command prints the rule of the policy that waits longest", async () => {
  const { code, output } = await run([]);
  expect(output).toContain("<Prefix>incoming/</Prefix>");
  expect(output).toContain("<Days>7</Days>");
  expect(code).toBe(0);
});

const policies = (over: object) => ({
  STORAGE_POLICIES: JSON.stringify({ files: { arrival: "incoming", ...over } }),
});

it("the command prints a rule that waits longer than an upload can be confirmed", async () => {
  const usual = await run([], policies({}));
  expect(usual.output).toContain("<Days>3</Days>");
  expect((await run([], policies({ put_lifetime: "7 days" }))).output).toContain("<Days>9</Days>");
  expect(usual.code).toBe(0);
});

it("the command also prints the rule for uploads in parts where the bucket keeps one", async () => {
  const aws = { STORAGE_ADAPTER: "aws", STORAGE_PROVIDER: "aws", STORAGE_ENDPOINT: "" };
  const both = await run([], aws);
  expect(both.output).toContain("<Days>7</Days>");
  expect(both.output).toContain("<AbortIncompleteMultipartUpload>");
  const alone = await run([], { ...aws, STORAGE_POLICIES: "" });
  expect(alone.output).toContain("<AbortIncompleteMultipartUpload>");
  expect(alone.output).not.toContain("incoming");
  expect([both.code, alone.code]).toEqual([0, 0]);
});

it("the command says which setting of MinIO removes uploads in parts, and adds no rule for them", async () => {
  for (const over of [{}, { STORAGE_POLICIES: "" }]) {
    const { output } = await run([], over);
    expect(output).toContain("MINIO_API_STALE_UPLOADS_EXPIRY");
    expect(output).not.toContain("<AbortIncompleteMultipartUpload>");
  }
});

it("the command says if the store does not answer", async () => {
  const { code, output } = await run(["--apply"]);
  expect([code, output]).toEqual([1, expect.stringContaining("The rules were not added")]);
  expect(output).not.toMatch(/\n\s+at /);
});

it("the command refuses a store that has no such rules", async () => {
  const { code, output } = await run([], { STORAGE_ADAPTER: "local" });
  expect(output).toContain("There is no rule");
  expect(code).toBe(78);
});
