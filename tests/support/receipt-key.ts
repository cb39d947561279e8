import { createHash } from "node:crypto";

/** A key that seals receipts and links in tests: the same for the same name, and like no other. */
export const receiptKey = (name: string): Buffer => createHash("sha256").update(name).digest();
