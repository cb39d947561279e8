import { createValetkey } from "valetkey";
import { storageFromEnvironment } from "valetkey/environment";
import { attachments, userOf, users } from "./users.ts";

const { PORT = "3000", RECEIPT_KEYS } = process.env;

export const valetkey = createValetkey({
  storage: storageFromEnvironment(),
  receiptKeys: RECEIPT_KEYS?.split(","),
  publicUrl: `http://127.0.0.1:${PORT}`,
  policy: {
    maxSize: "5 MiB",
    allowedTypes: ["image/png", "image/jpeg"],
    // Each person has a folder, whose files the page lists.
    key: "orgs/{organization}/{subject}/{year}/{month}/{id}{extension}",
    // For its thumbnails, which are the pictures themselves until there is an image server.
    images: [128],
    // Nobody reads a file before it is confirmed and its type is checked.
    arrival: "incoming",
  },
  authenticate: ({ headers }) => userOf(headers.get("cookie")),
  organizations: (slug, caller) => (users.get(caller.id)?.organization === slug ? slug : undefined),
  onConfirmed: (upload) => void attachments.set(upload.key, upload),
});
