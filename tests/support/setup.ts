import type { TestProject } from "vitest/node";
import { findChromium } from "./chromium.ts";
import { startMinio } from "./minio.ts";

/** What the whole run has found or started. */
declare module "vitest" {
  interface ProvidedContext {
    /** A real MinIO, where one can be had. */
    minio: MinioServer | undefined;
    /** The path of a Chromium, where there is one. */
    chromium: string | undefined;
  }
}

/** Where MinIO answers, and the key that may do everything there. */
export interface MinioServer {
  /** With a port, under an address and not a name. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Starts what the tests need, says what was found, and refuses to run in CI without it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const minio = await startMinio();
  const chromium = findChromium();
  const missing = [
    ...(minio.server === undefined ? [`MinIO: ${minio.source}`] : []),
    ...(chromium === undefined ? ["Chromium: install it (apt-get install chromium)"] : []),
  ];
  if (missing.length > 0 && process.env["CI"]) {
    throw new Error(`CI must test everything, and these are missing:\n  ${missing.join("\n  ")}`);
  }
  project.provide("minio", minio.server);
  project.provide("chromium", chromium);
  console.log(`MinIO     ${minio.server === undefined ? "SKIPPED, " : ""}${minio.source}`);
  console.log(`Chromium  ${chromium ?? "SKIPPED, install it (apt-get install chromium)"}`);
  return minio.stop;
}
