import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { assertMatches } from "../sending/assertions.ts";
import { type Checks, promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { upload } from "../sending/send.ts";
import { DONE, mismatch } from "../subject/use-cases.ts";

/** The smallest GIF, of one pixel. */
const GIF = Buffer.from("R0lGODlhAQABAAAAACw=", "base64");
/** A program for Windows. */
const PROGRAM = Buffer.from(`MZ\0\x01${"\0".repeat(60)}PE\0\0`);

const arrives = async (subject: Subject, policy: string, type: string, body: Buffer) => {
  const contentType = MediaType.make(type);
  const { put, receipt } = await subject.grant(
    { contentType, size: ByteSize.make(body.length) },
    policy,
  );
  await upload({ ...put, body });
  return subject.confirm(receipt);
};

const found = (actual: string) => mismatch({ property: "content", expected: "image/gif", actual });

const check = (policy: string): Checks => ({
  [`a file whose bytes are of another type than was granted is not confirmed (${policy})`]: async (
    subject,
  ) => {
    assertMatches(await arrives(subject, policy, "image/gif", GIF), DONE);
    assertMatches(
      await arrives(subject, policy, "image/gif", PROGRAM),
      found("application/x-msdownload"),
    );
    const page = Buffer.from("<html><script>alert(1)</script>");
    assertMatches(await arrives(subject, policy, "image/gif", page), found("text/html"));
  },
});

/** The bytes of a file are compared with its type, where the policy says so. */
export const content = [
  ...promises(["reads"], check("verified")),
  ...promises(["reads", "copies"], check("incoming-verified")),
];
