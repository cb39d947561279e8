import { createValetkey } from "valetkey";
import { storageFromEnvironment } from "valetkey/environment";
import { attachments, userOf, users } from "./users.ts";

const { PORT = "3000", RECEIPT_KEYS } = process.env;

export const valetkey = createValetkey({
  storage: storageFromEnvironment(),
  receiptKeys: RECEIPT_KEYS?.split(","),
  publicUrl: `http://127.0.0.1:${PORT}`,
  policy: { maxSize: "5 MiB", allowedTypes: ["image/png", "image/jpeg"] },
  authenticate: ({ headers }) => userOf(headers.get("cookie")),
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
await valetkey.ready();
