import { BucketCors, CORS_MAX_AGE } from "../bucket-cors.ts";
import { ANNOUNCEMENT } from "./binding.ts";
import type { AzureSettings } from "./settings.ts";

/** Headers of a signed PUT. */
const HEADERS = `content-md5 content-type x-ms-blob-content-type x-ms-blob-type ${ANNOUNCEMENT}`;

/** Works on the account's rules: "Set Blob Service Properties", Azure Storage documentation. */
export const azureCors = ({ account }: AzureSettings): BucketCors["Service"] =>
  BucketCors.of({
    rule: (origins) =>
      `az storage cors add --account-name ${account} --services b --methods GET PUT --origins ${origins.join(" ")} --allowed-headers ${HEADERS} --exposed-headers ETag --max-age ${CORS_MAX_AGE}\n`,
    byHand: "run the command; an account has 5 rules at most, and others' stay",
  });
