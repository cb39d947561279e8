import { BucketCors, CORS_MAX_AGE } from "../bucket-cors.ts";
import { element, escape } from "../rest/xml.ts";
import { ANNOUNCEMENT } from "./binding.ts";
import type { AzureSettings } from "./settings.ts";

/** Headers of a signed PUT, and those that a page may read. */
const HEADERS = ["content-type", "x-ms-blob-content-type", "x-ms-blob-type", ANNOUNCEMENT];
const EXPOSED = ["ETag"];

/** The rules are those of the account: "Set Blob Service Properties", Azure Storage documentation. */
export const azureCors = ({ account }: AzureSettings): BucketCors["Service"] =>
  BucketCors.of({
    rule: (origins) =>
      `${element(
        "CorsRule",
        [
          element("AllowedOrigins", escape(origins.join(","))),
          element("AllowedMethods", "GET,PUT"),
          element("AllowedHeaders", HEADERS.join(",")),
          element("ExposedHeaders", EXPOSED.join(",")),
          element("MaxAgeInSeconds", CORS_MAX_AGE),
        ].join(""),
      )}\n`,
    byHand: `run this; the account has 5 rules at most: az storage cors add --account-name ${account} --services b --methods GET PUT --origins ORIGIN --allowed-headers ${HEADERS.join(" ")} --exposed-headers ${EXPOSED.join(" ")} --max-age ${CORS_MAX_AGE}`,
  });
