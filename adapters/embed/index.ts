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
export type {
  Awaitable,
  Caller,
  Checksum,
  ChecksumAlgorithm,
  ConfirmedUpload,
  Lifetime,
  LimitOptions,
  LogEntry,
  PolicyOptions,
  Rate,
  SharedCount,
  Size,
  Storage,
  ValetkeyOptions,
} from "./valetkey-options.ts";
