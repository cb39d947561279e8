import * as Schema from "effect/Schema";
import { neededBy } from "../../values/needed-by.ts";
import type { Source } from "../../settings/source.ts";
import { further, shared } from "../s3/settings.ts";
import { s3Store } from "../s3/storage.ts";
import { BucketName, bucketSetting } from "../settings.ts";

export const { settings, readSettings, read, storage } = s3Store({
  adapter: "aws",
  settings: {
    ...shared,
    ...further,
    bucket: bucketSetting(
      Schema.Union([BucketName, Schema.String.check(Schema.isPattern(/^arn:\S+$/))]),
      "a bucket name (3 to 63 lower-case letters, digits, dots and hyphens) or an ARN",
    ),
  },
  needsKey: false,
  sourceFrom: withAmazonsVariables,
  load: () => import("./layer.ts").catch(neededBy("the store aws", "@aws-sdk/client-s3")),
});

/** The official client follows these variables at Amazon's endpoint, so our signatures must. */
function withAmazonsVariables(source: Source): Source {
  return {
    ...source,
    valueOf: (setting) => {
      const value = source.valueOf(setting);
      if (value !== undefined || setting.variable !== shared.endpoint.variable) return value;
      if ((source.valueOf(shared.provider) ?? "aws") !== "aws") return undefined;
      return source.env["AWS_ENDPOINT_URL_S3"] || source.env["AWS_ENDPOINT_URL"] || undefined;
    },
  };
}
