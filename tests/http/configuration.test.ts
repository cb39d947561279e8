import { describe, expect, it } from "vitest";
import { runToEnd, startProcess } from "../support/service-process.ts";

describe("a wrong configuration ends the start with code 78 and one message", () => {
  it("that names every variable at fault, with its shape and an example", async () => {
    const { code, output } = await runToEnd({
      PORT: "http",
      STORAGE_ADAPTER: "minio",
      STORAGE_ENDPOINT: "store.example.com",
      STORAGE_MAX_FILE_SIZE: "ten",
      STORAGE_GET_TTL: "8 days",
      LOG_LEVEL: "loud",
    });
    expect(code).toBe(78);
    for (const name of [
      "PORT",
      "STORAGE_ENDPOINT",
      "STORAGE_ACCESS_KEY",
      "STORAGE_SECRET_KEY",
      "STORAGE_MAX_FILE_SIZE",
      "STORAGE_GET_TTL",
      "LOG_LEVEL",
    ]) {
      expect(output).toContain(`  ${name} must be `);
      expect(output).toContain(`for example: ${name}=`);
    }
    expect(output).not.toMatch(/\n\s+at /);
  });

  it.each<[Readonly<Record<string, string>>, RegExp]>([
    [
      { STORAGE_ADAPTER: "azure" },
      /STORAGE_ADAPTER must be local, aws, minio or gcs; is aws meant\?/,
    ],
    [{ AUTH: "none" }, /AUTH must be dev/],
    [{ HOST: "0.0.0.0" }, /PUBLIC_URL must be set where HOST is not a loopback/],
    [
      { HOST: "0.0.0.0", PUBLIC_URL: "https://uploads.example.com" },
      /AUTH_DEV_EXPOSED must be yes/,
    ],
    [{ PUBLIC_URL: "https://uploads.example.com" }, /AUTH_DEV_EXPOSED must be yes/],
    [{ PUBLIC_URL: "http://user:pass@localhost" }, /PUBLIC_URL must be an http or https URL/],
    [{ STORAGE_BUCKET: "Files" }, /STORAGE_BUCKET must be a bucket name/],
    [
      { STORAGE_ADAPTER: "aws", STORAGE_ACCESS_KEY: "AKIA0000" },
      /STORAGE_SECRET_KEY must be set where STORAGE_ACCESS_KEY is/,
    ],
    [
      { STORAGE_ADAPTER: "aws", STORAGE_BUCKET: "arn:aws:s3:us-east-1:123456789012:accesspoint/a" },
      /STORAGE_SIGNER must be sdk for an ARN or a directory bucket/,
    ],
    [
      { STORAGE_ADAPTER: "aws", STORAGE_BUCKET: "fast--use1-az4--x-s3" },
      /STORAGE_SIGNER must be sdk for an ARN or a directory bucket/,
    ],
  ])("%j", async (env, message) => {
    const { code, output } = await runToEnd(env);
    expect(output).toMatch(message);
    expect(code).toBe(78);
  });

  it("that never shows a secret", async () => {
    const { output } = await runToEnd({
      DEV_TOKEN: "short-secret!",
      STORAGE_ADAPTER: "aws",
      STORAGE_SECRET_KEY: "hidden-secret-key",
    });
    expect(output).toContain("DEV_TOKEN must be");
    expect(output).not.toMatch(/short-secret|hidden-secret/);
  });
});

it("names what does not go together beside what is malformed, and a misspelt name", async () => {
  const { code, output } = await runToEnd({
    HOST: "0.0.0.0",
    PUBLIC_URL: "https://uploads.example.com",
    LOG_LEVEL: "loud",
    STORAGE_ADAPTER: "aws",
    STORAGE_ACCESS_KEY: "AKIA0000",
    STORAGE_REGION: "BAD!",
    STORAGE_BUKET: "files",
  });
  expect(code).toBe(78);
  for (const name of ["LOG_LEVEL", "AUTH_DEV_EXPOSED", "STORAGE_SECRET_KEY", "STORAGE_REGION"]) {
    expect(output).toContain(`  ${name} must be `);
  }
  expect(output).toContain(
    "STORAGE_BUKET is not a variable of this service; is STORAGE_BUCKET meant?",
  );
});

it("a log for machines is JSON alone, without the token that was configured", async () => {
  const service = await startProcess({ LOG_FORMAT: "json" });
  await service.stop();
  const lines = service.output().trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).message)).toContain("ready");
  expect(service.output()).not.toContain(service.token);
});

it("warns of a misspelt variable, with the one that was meant, and of no others", async () => {
  const service = await startProcess({
    STORAGE_BUKET: "files",
    STORAGE_ACCESS_KEY: "of-another-adapter",
    STORAGE_REGION: "",
  });
  await service.stop();
  expect(service.output()).toContain("STORAGE_BUKET is not a variable of this service");
  expect(service.output()).toContain("is STORAGE_BUCKET meant?");
  expect(service.output()).not.toContain("STORAGE_ACCESS_KEY");
});

it("says what is wrong where the port is taken", async () => {
  const service = await startProcess();
  const { code, output } = await runToEnd({ PORT: new URL(service.address).port });
  await service.stop();
  expect(code).toBe(1);
  expect(output).toMatch(
    /cannot listen on 127\.0\.0\.1, port \d+ \(.*EADDRINUSE.*\); end what uses the port, or set PORT/,
  );
  expect(output).not.toMatch(/\n\s+at /);
});
