import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { readFileSync } from "node:fs";
import type { MinioServer } from "./minio.ts";

interface Place {
  readonly bucket: string;
  readonly region?: string;
}

/** Temporary keys of the server that may do what policies of `adapters/storage/s3/policies` allow together. */
export function allowedBy(
  names: string | ReadonlyArray<string>,
  server: MinioServer,
  place: Place,
) {
  const Statement = [names].flat().flatMap((name) => {
    const file = new URL(`../../adapters/storage/s3/policies/s3-${name}.json`, import.meta.url);
    const policy = readFileSync(file, "utf8").replaceAll("s3:::files", `s3:::${place.bucket}`);
    return (JSON.parse(policy) as { readonly Statement: ReadonlyArray<object> }).Statement;
  });
  return keysFor({ Version: "2012-10-17", Statement }, server, place);
}

/** Temporary keys of the server that may do what a policy allows. */
export async function keysFor(
  document: object,
  { endpoint: stsEndpoint, accessKey, secretKey }: MinioServer,
  { region = "us-east-1" }: Place,
) {
  const policy = JSON.stringify(document);
  const root = { stsEndpoint, accessKey, secretKey };
  const credentials = await new AssumeRoleProvider({ ...root, policy, region }).getCredentials();
  return {
    accessKey: credentials.getAccessKey(),
    secretKey: credentials.getSecretKey(),
    sessionToken: credentials.getSessionToken() ?? "",
  };
}
