import { availableParallelism, cpus } from "node:os";
import { benchIdentity } from "./identity.ts";
import { benchNotYours } from "./not-yours.ts";
import { benchPresign } from "./presign.ts";
import { benchSigning } from "./signing.ts";

// Rates are of this machine and this minute; the ratios are what can be compared.
console.log(
  `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}`,
);
await benchSigning();
await benchIdentity();
await benchPresign();
await benchNotYours();
