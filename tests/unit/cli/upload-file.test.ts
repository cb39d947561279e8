import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { uploadFile } from "../../../adapters/cli/mcp/upload-file.ts";
import type { Client, UploadPolicy } from "../../../adapters/client/client.ts";
import { makeFolder } from "../../support/make-folder.ts";

it.each([
  ["a larger file goes in parts", { maxSize: 5, multipart: { maxSize: 10 } }, 10, undefined],
  ["a file too large for parts is refused", { maxSize: 5, multipart: { maxSize: 10 } }, 11, 10],
  ["where files do not go in parts, one PUT is the limit", { maxSize: 5 }, 6, 5],
])("an agent's file is held to the policy: %s", async (_, rules, size, limit) => {
  const folder = realpathSync(makeFolder());
  writeFileSync(join(folder, "a.png"), Buffer.alloc(size));
  const client = {
    policies: async () => [{ name: "files", ...rules } as UploadPolicy],
    upload: async () => ({ key: "key", fileUrl: "url" }),
  } as unknown as Pick<Client, "policies" | "upload">;
  const answer = await uploadFile(folder, client).run({ path: "a.png" });
  const { code, detail = "" } = await answer.json();
  expect(code).toBe(limit && "FILE_TOO_LARGE");
  expect(detail).toContain(limit === undefined ? "" : `accepts ${limit}`);
});
