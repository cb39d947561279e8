import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { readFileSync } from "node:fs";
import type { MinioServer } from "./minio.ts";

/** Temporary keys of the server that may do what policies of `adapters/cli/policies` allow together. */
export async function allowedBy(
  names: string | ReadonlyArray<string>,
  { endpoint: stsEndpoint, accessKey, secretKey }: MinioServer,
  { bucket, region = "us-east-1" }: { readonly bucket: string; readonly region?: string },
) {
  const Statement = [names].flat().flatMap((name) => {
    const file = new URL(`../../adapters/cli/policies/s3-${name}.json`, import.meta.url);
    const policy = readFileSync(file, "utf8").replaceAll("s3:::files", `s3:::${bucket}`);
    return (JSON.parse(policy) as { readonly Statement: ReadonlyArray<object> }).Statement;
  });
  const policy = JSON.stringify({ Version: "2012-10-17", Statement });
  const root = { stsEndpoint, accessKey, secretKey };
  const credentials = await new AssumeRoleProvider({ ...root, policy, region }).getCredentials();
  return {
    accessKey: credentials.getAccessKey(),
    secretKey: credentials.getSecretKey(),
    sessionToken: credentials.getSessionToken() ?? "",
  };
}
