import { availableParallelism, cpus } from "node:os";
import { benchPresign } from "./presign.ts";
import { benchSigning } from "./signing.ts";

// Rates are of this machine and this minute; the ratios are what can be compared.
console.log(
  `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}`,
);
await benchSigning();
await benchPresign();
