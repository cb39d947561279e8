import { UploadError, type UploadPolicy } from "../client.ts";

/** Returns why the policy refuses a file, by its size and type. */
export function refusalOf(
  file: Blob & Partial<Pick<File, "name">>,
  { name: policy, maxSize, allowedTypes, extensions, multipart }: UploadPolicy,
  isInParts: boolean,
): UploadError | undefined {
  const { size, name = "" } = file;
  const limit = Math.max(maxSize, (isInParts && multipart?.maxSize) || 0);
  const given = file.type || extensions[name.slice(name.lastIndexOf(".")).toLowerCase()];
  const type = given?.replace(/[; ].*/, "") ?? "application/octet-stream";
  const isAllowed = allowedTypes.some((one) => [type, type.replace(/\/.*/, "/*")].includes(one));
  if (size <= limit && isAllowed) return undefined;
  const title = isAllowed ? "The file is too large" : "Files of this type are not accepted";
  const problem = isAllowed ? { title, limit } : { title, allowed: allowedTypes };
  const message = `${title}: ${name} is ${type} of ${size} bytes. The policy ${policy} accepts ${allowedTypes.join(", ")} of up to ${limit} bytes.`;
  return new UploadError("refused", message, { problem });
}
