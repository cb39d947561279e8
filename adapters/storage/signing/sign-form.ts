import {
  contextFor,
  type Signatory,
  type SigningKeys,
  signText,
  timestampAt,
} from "./sign-query.ts";

/** A form to be signed. */
export interface FormToSign {
  readonly bucket: string;
  /** The fields of the object, such as `key`, with the only value that each may have. */
  readonly fields: Readonly<Record<string, string>>;
  /** The smallest and the largest file, in bytes, both included. */
  readonly sizes: readonly [min: number, max: number];
  readonly region: string;
  /** Milliseconds since 1970, UTC. */
  readonly now: number;
  /** Seconds from `now`. */
  readonly expiresIn: number;
}

/** The fields of a form that allows this upload until `now + expiresIn`, and no other. */
export function signForm<Secret>(
  keys: SigningKeys<Secret>,
  form: FormToSign,
): Readonly<Record<string, string>> {
  const unsigned = formToBeSigned(keys, form);
  return completeForm(unsigned, signText(keys, unsigned));
}

export const completeForm = (
  { fields, signatureField }: ReturnType<typeof formToBeSigned>,
  signature: string,
): Readonly<Record<string, string>> => ({ ...fields, [signatureField]: signature });

/**
 * The text to sign, which is the policy, and all other fields. The store refuses fields that the
 * policy does not name: "POST Policy", Amazon S3 API Reference; "Signatures: policy document",
 * Cloud Storage documentation.
 */
export function formToBeSigned(
  signatory: Signatory,
  { bucket, fields, sizes, region, now, expiresIn }: FormToSign,
) {
  const { algorithm, accessKey, sessionToken } = signatory;
  const timestamp = timestampAt(now);
  const context = contextFor(signatory, timestamp, region);
  const prefix = algorithm.prefix.toLowerCase();
  const signed = {
    ...fields,
    [`${prefix}algorithm`]: algorithm.name,
    [`${prefix}credential`]: `${accessKey}/${context.scope}`,
    [`${prefix}date`]: timestamp,
    ...(sessionToken !== undefined && { [`${prefix}security-token`]: sessionToken }),
  };
  const document = {
    expiration: new Date((Math.floor(now / 1000) + expiresIn) * 1000).toISOString(),
    conditions: [
      { bucket },
      ...Object.entries(signed).map(([name, value]) => ({ [name]: value })),
      ["content-length-range", ...sizes],
    ],
  };
  const policy = Buffer.from(JSON.stringify(document)).toString("base64");
  const signatureField = `${prefix}signature`;
  return { fields: { ...signed, policy }, text: policy, context, signatureField };
}
