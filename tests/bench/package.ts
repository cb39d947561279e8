import { createInterface } from "node:readline";
import { createValetkey } from "../../adapters/embed/index.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { costOf } from "./rounds.ts";

// Asks the package for uploads, as a host does that has no other code which is as hot. Each line of
// standard input is how many milliseconds of CPU to use; each of standard output is the microseconds
// that one upload took.

const valetkey = createValetkey({
  storage: minio({
    endpoint: "http://127.0.0.1:9000",
    accessKey: "access-key",
    secretKey: "not-a-real-secret-key",
  }),
  publicUrl: "http://127.0.0.1:8787",
  organizations: (slug) => slug,
  receiptKeys: [`bench:${receiptKey("bench").toString("base64")}`],
  log: () => undefined,
});
const requestUpload = () =>
  valetkey.requestUpload({
    caller: { id: "bench" },
    organization: "acme",
    filename: "a.png",
    contentType: "image/png",
    size: 123_456,
  });

// Until the engine has compiled what is hot.
await costOf(2000, requestUpload)();
for await (const line of createInterface(process.stdin)) {
  console.log(await costOf(Number(line), requestUpload)());
}
