import { neededBy } from "../../values/needed-by.ts";
import { encodeComponent } from "../../storage/signing/v4.ts";
import type { MakeSigner } from "./make-signer.ts";

/**
 * "Use signed URLs" and "Use signed cookies", Amazon CloudFront Developer Guide. S3 names a saved
 * file if the distribution passes the parameter on.
 */
export const make: MakeSigner = async (keyPairId, privateKey) => {
  const { getSignedCookies, getSignedUrl } = await official();
  const key = { keyPairId, privateKey };
  return {
    sign: (url, end, disposition) =>
      getSignedUrl({
        ...key,
        url: `${url}?response-content-disposition=${encodeComponent(disposition)}`,
        dateLessThan: end * 1000,
      }),
    cookies: (prefix, end) => {
      const condition = { DateLessThan: { "AWS:EpochTime": end } };
      const policy = { Statement: [{ Resource: `${prefix}*`, Condition: condition }] };
      const cookies = getSignedCookies({ ...key, policy: JSON.stringify(policy) });
      return Object.fromEntries(Object.entries(cookies).map(([name, value]) => [name, `${value}`]));
    },
  };
};

async function official() {
  try {
    return await import("@aws-sdk/cloudfront-signer");
  } catch (cause) {
    return neededBy("the CDN cloudfront", "@aws-sdk/cloudfront-signer")(cause);
  }
}
