import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { forgetOrganization } from "../../../application/files/forget-organization.ts";
import { requestUpload } from "../../../application/uploads/request-upload.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { prefixFor } from "../../../domain/storage-key.ts";
import { assertMatches } from "../sending/assertions.ts";
import { most } from "../subject/races.ts";
import { upload } from "../sending/send.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { DONE, done } from "../subject/use-cases.ts";
import { CONTENT, ORGANIZATION, UPLOAD } from "../sending/uploads.ts";

/** An organization of which a promise has all files. */
const OWN = OrganizationId.make(`${ORGANIZATION}-own`);

async function uploaded({ run }: Subject) {
  const request = run((member) => requestUpload({ member, upload: UPLOAD }), { organization: OWN });
  const granted = done(await request);
  await upload(granted.put);
  return granted;
}

/** What an operator relies on: all files are found, and a large one is like every other. */
export const listing = promises([], {
  "a list has each file of an organization once, page by page": async (subject) => {
    const { list } = subject.store;
    if (list === undefined) return;
    const keys = [(await uploaded(subject)).key, (await uploaded(subject)).key];
    const prefix = prefixFor(OWN);
    const listed: Array<string> = [];
    let after: string | undefined;
    do {
      const page = await Effect.runPromise(list.objects({ prefix, after, limit: 1 }));
      listed.push(...page.found.map(({ key }) => key));
      after = page.next;
    } while (after !== undefined);
    assert.equal(new Set(listed).size, listed.length);
    for (const key of keys) assert.ok(listed.includes(key), "a file is missing");
  },
  "an organization that is forgotten has no file": async (subject) => {
    // A key of Google that only signs cannot find the versions.
    if (subject.s3 === undefined && !subject.has("copies")) return;
    const granted = await uploaded(subject);
    const forgetting = forgetOrganization({
      organization: OWN,
      apply: true,
      keepsMarks: false,
      report: () => undefined,
    });
    await subject.granted(() => forgetting);
    await subject.expectGone(granted);
    assert.equal(await subject.find(granted.key), undefined);
  },
  "a file of 60 MB is confirmed as every other": async (subject) => {
    const body = Buffer.alloc(Math.min(60_000_000, most.bytes), CONTENT);
    const size = ByteSize.make(body.length);
    const granted = await subject.grant({ size }, "large");
    await upload({ ...granted.put, body });
    assertMatches(await subject.confirm(granted.receipt), { ...DONE, size });
    await subject.expectFile(granted, body);
  },
});
