import { type ProviderName, PROVIDERS } from "../../adapters/storage/s3/providers.ts";

/** Your own server, which the environment names by `TEST_S3_ENDPOINT` and its like. */
interface OwnServer {
  readonly provider: ProviderName;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** The server, if the environment names one; throws if a variable about it is wrong. */
export function ownServer(): OwnServer | undefined {
  const {
    TEST_S3_ENDPOINT: endpoint,
    TEST_S3_PROVIDER: provider = "s3",
    TEST_S3_REGION: region = "us-east-1",
    TEST_S3_ACCESS_KEY: accessKey = "",
    TEST_S3_SECRET_KEY: secretKey = "",
  } = process.env;
  if (!endpoint) return undefined;
  if (!isProvider(provider)) {
    throw new Error(
      `TEST_S3_PROVIDER must be one of ${Object.keys(PROVIDERS).join(", ")}, and is ${provider}`,
    );
  }
  return { provider, endpoint, region, accessKey, secretKey };
}

const isProvider = (name: string): name is ProviderName => Object.hasOwn(PROVIDERS, name);
