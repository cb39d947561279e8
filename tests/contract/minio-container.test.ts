import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { hasDocker } from "../support/container.ts";
import { need } from "../support/need.ts";

const minio = await need("minio");
const isOther = minio === undefined || process.env["TEST_MINIO_ENDPOINT"] !== undefined;

it.skipIf(isOther || !(await hasDocker()))(
  "where a Docker engine answers, the contract runs on a MinIO in a container of this run",
  async () => {
    const labels = ["org.testcontainers=true", `valetkey-test=${process.env["TEST_RUN_ID"]}`];
    const filters = labels.map((label) => `--filter=label=${label}`);
    const { stdout } = await promisify(execFile)("docker", [
      "ps",
      "--format={{.Ports}}",
      ...filters,
    ]);
    // Its keys are known, so nobody else may reach it.
    const { host } = new URL(minio?.endpoint ?? "");
    expect(host).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(stdout).toContain(`${host}->9000/tcp`);
  },
);
