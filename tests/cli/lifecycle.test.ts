import { expect, it } from "vitest";
import { valetkey } from "../support/command-line.ts";

const waiting = (over: object, others: object = {}) => ({
  STORAGE_POLICIES: JSON.stringify({ files: { arrival: "incoming", ...over }, ...others }),
});
const aws = { STORAGE_ADAPTER: "aws", STORAGE_PROVIDER: "aws", STORAGE_ENDPOINT: "" };
const none = { STORAGE_POLICIES: "" };
const days = (count: number) => `<Days>${count}</Days>`;
const ABORT = "<AbortIncompleteMultipartUpload>";
const OF_MINIO = "MINIO_API_STALE_UPLOADS_EXPIRY";
const slow = waiting({ unconfirmed_after: "3 days" }, { slow: { unconfirmed_after: "7 days" } });

it.each<[string, object, ReadonlyArray<string>, string?]>([
  ["of the policy that waits longest", slow, ["<Prefix>incoming/</Prefix>", days(7)]],
  ["that waits as long as an upload can be confirmed", waiting({}), [days(3)]],
  ["that waits longer than that", waiting({ put_lifetime: "7 days" }), [days(9)]],
  ["for uploads in parts too where the bucket keeps one", { ...aws, ...slow }, [days(7), ABORT]],
  ["for uploads in parts alone", { ...aws, ...none }, [ABORT], "incoming"],
  ["and the setting of MinIO that removes uploads in parts", slow, [OF_MINIO], ABORT],
  ["or the setting of MinIO alone", none, [OF_MINIO], ABORT],
])("valetkey lifecycle prints the rule %s", async (_, over, said, unsaid) => {
  const { code, stdout, stderr } = await valetkey(["lifecycle"], { ...env, ...over });
  for (const each of said) expect(stdout + stderr).toContain(each);
  if (unsaid !== undefined) expect(stdout + stderr).not.toContain(unsaid);
  expect(code).toBe(over === none ? 78 : 0);
});

const env = {
  STORAGE_ADAPTER: "minio",
  STORAGE_ENDPOINT: "http://127.0.0.1:9",
  STORAGE_ACCESS_KEY: "key",
  STORAGE_SECRET_KEY: "secret",
};

it("valetkey lifecycle says if the store does not answer, and refuses one that has no such rules", async () => {
  const away = await valetkey(["lifecycle", "--apply"], { ...env, ...slow });
  expect(away).toMatchObject({
    code: 1,
    stderr: expect.stringMatching("The rules were not added"),
  });
  expect(away.stderr).not.toMatch(/\n\s+at /);
  const local = await valetkey(["lifecycle"], { ...slow, STORAGE_ADAPTER: "local" });
  expect(local).toMatchObject({ code: 78, stderr: expect.stringMatching("There is no rule") });
});
