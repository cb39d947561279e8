import { sizeInWords, UploadError, type UploadPolicy } from "../client.ts";

/** Returns the size of the largest file that the policy accepts, in bytes. */
export const largestFor = ({ maxSize, multipart }: UploadPolicy, isInParts: boolean): number =>
  Math.max(maxSize, (isInParts && multipart?.maxSize) || 0);

/** Returns why the policy refuses a file, by its size and type. */
export function refusalOf(
  file: Blob & Partial<Pick<File, "name">>,
  policy: UploadPolicy,
  isInParts: boolean,
): UploadError | undefined {
  const { size, name = "" } = file;
  const { allowedTypes, extensions } = policy;
  const limit = largestFor(policy, isInParts);
  const fullType = file.type || extensions[name.slice(name.lastIndexOf(".")).toLowerCase()];
  const type = fullType?.replace(/[; ].*/, "") ?? "application/octet-stream";
  const isAllowed = allowedTypes.some((one) => [type, type.replace(/\/.*/, "/*")].includes(one));
  // Of an empty file, its upload says what is wrong.
  if (size === 0 || (size <= limit && isAllowed)) return undefined;
  const title = isAllowed ? "The file is too large" : "Files of this type are not accepted";
  const problem = isAllowed ? { title, limit } : { title, allowed: allowedTypes };
  // The words of the service.
  const detail = isAllowed
    ? `The policy accepts files of up to ${sizeInWords(limit)}; this one has ${size} bytes.`
    : `This file is ${type}. The policy accepts ${allowedTypes.join(", ")}.`;
  const message = `${title}. ${detail}`;
  return new UploadError("refused", message, { problem });
}
