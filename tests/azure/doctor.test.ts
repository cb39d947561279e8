import { describe, expect, it } from "vitest";
import { runDoctor } from "../../adapters/cli/doctor/run.ts";
import type { Finding } from "../../adapters/cli/doctor/finding.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { accountSas } from "./signature.ts";

const azurite = await need("azurite");

describe.skipIf(azurite === undefined)("the doctor before Azure", () => {
  const { account = "", key = "", endpoint = "" } = azurite ?? {};
  const examine = async (env: Readonly<Record<string, string>>) => {
    const settings = { STORAGE_ADAPTER: "azure", STORAGE_ENDPOINT: endpoint, ...env };
    // A busy machine may be too late for it.
    const text = await until("answers in time", async () => {
      const findings: Array<Finding> = [];
      const tell = (finding: Finding) => void findings.push(finding);
      await runDoctor(settings, { origins: [], mayLeave: false, onStart: () => undefined, tell });
      const told = JSON.stringify(findings);
      return !told.includes("answer within") && told;
    });
    expect(text).not.toMatch(/(?<!-)bucket(?!s update gs)/);
    return text;
  };
  const keys = { STORAGE_ACCESS_KEY: account, STORAGE_SECRET_KEY: key };

  it.each([
    ["container", "everybody can list the container", "everybody can read an object"],
    ["blob", "nobody can list the container", "everybody can read an object"],
    ["", "nobody can list the container", "nobody can read an object"],
  ])("a container that is open as %j is found", async (access, ...words) => {
    const container = `doctor-${crypto.randomUUID()}`;
    const query = new URLSearchParams([...accountSas(account, key, Date.now())]);
    const made = await fetch(`${endpoint}/${container}?restype=container&${query}`, {
      method: "PUT",
      headers: { ...(access && { "x-ms-blob-public-access": access }) },
    });
    expect(made.status).toBe(201);
    const findings = await examine({ ...keys, STORAGE_BUCKET: container });
    for (const word of words) expect(findings).toContain(word);
    expect(findings.includes("--allow-blob-public-access false")).toBe(access !== "");
  });

  it("a container that is missing is called so, and where it comes from", async () => {
    const findings = await examine({ ...keys, STORAGE_BUCKET: "missing-bucket" });
    expect(findings).toContain("the container missing-bucket does not exist; create it, or set");
    expect(findings).toContain("correct STORAGE_BUCKET, or create the container");
  });

  it("another key than that of the account is mended by the key, and not by the container", async () => {
    const other = Buffer.from("another key").toString("base64");
    const findings = await examine({ ...keys, STORAGE_SECRET_KEY: other, STORAGE_BUCKET: "files" });
    expect(findings).toContain("correct STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY");
    expect(findings).not.toContain("create the container");
  });
});
