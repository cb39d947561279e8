export { createValetkey } from "./create.ts";
export { isValetkeyError, type MemberFault, type ValetkeyError } from "./errors.ts";
export type {
  Asked,
  Confirmation,
  HandedOver,
  Link,
  NeedsChecksum,
  OpenedFile,
  Upload,
  UploadRequest,
  Valetkey,
} from "./valetkey.ts";
export type { ChecksumAlgorithm, SharedCount, Storage } from "./opaque.ts";
export type {
  Awaitable,
  Caller,
  Checksum,
  ConfirmedUpload,
  Lifetime,
  LimitOptions,
  LogEntry,
  PolicyOptions,
  Rate,
  Size,
  ValetkeyOptions,
} from "./valetkey-options.ts";
