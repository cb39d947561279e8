import { expectTypeOf, it } from "vitest";
import { createValetkey, isValetkeyError, type Valetkey } from "../../adapters/embed/index.ts";
import { gcs } from "../../adapters/embed/gcs.ts";
import { local } from "../../adapters/embed/local.ts";
import type { StoreProvider } from "../../adapters/embed/arguments.ts";
import type { ProviderName } from "../../adapters/storage/s3/providers.ts";

// What an editor knows about the facade; `npm run check:types` fails if it is wrong.

const host = {
  publicUrl: "https://app.example.com",
  organizations: (slug: string) => slug,
  log: () => undefined,
};
const file = {
  caller: { id: "mia" },
  organization: "acme",
  filename: "a.png",
  contentType: "image/png",
  size: 5,
};

/** Compiles a call without making it. */
const compiles = (call: () => unknown) => void call;

const { requestUpload, requestUploads, startMultipart } = createValetkey({
  storage: local(),
  ...host,
  policies: { avatars: { requireChecksum: true }, drafts: { maxSize: "1 MiB" } },
});

it.each([requestUpload, startMultipart])(
  "a call accepts the names of the configured policies and no others, and needs no checksum",
  (send) => {
    compiles(() => send(file));
    compiles(() => send({ ...file, policy: "avatars" }));
    // @ts-expect-error There is no such policy.
    compiles(() => send({ ...file, policy: "avatar" }));
  },
);

it("requestUploads accepts the names of the configured policies and no others, also for a file", () => {
  const { filename, contentType, size, ...asked } = file;
  const one = { filename, contentType, size };
  compiles(() => requestUploads({ ...asked, files: [one, { ...one, policy: "drafts" }] }));
  compiles(() => requestUploads({ ...asked, files: [one], policy: "avatars" }));
  // @ts-expect-error There is no such policy.
  compiles(() => requestUploads({ ...asked, files: [one], policy: "avatar" }));
  // @ts-expect-error Nor for a file.
  compiles(() => requestUploads({ ...asked, files: [{ ...one, policy: "avatar" }] }));
});

it("createValetkey without further policies knows the default one alone", () => {
  const plain = createValetkey({ storage: local(), ...host, policy: { maxSize: "1 MiB" } });
  compiles(() => plain.requestUpload({ ...file, policy: "files" }));
  // @ts-expect-error There is no such policy.
  compiles(() => plain.requestUpload({ ...file, policy: "drafts" }));
  // @ts-expect-error A misspelt member of a policy.
  compiles(() => createValetkey({ storage: local(), ...host, policies: { a: { maxSiz: 1 } } }));
});

it("createValetkey returns a value that can be passed on as a Valetkey", () => {
  expectTypeOf(requestUpload).toBeFunction();
  const one = createValetkey({ storage: gcs(), ...host, policies: { drafts: {} } });
  const any: Pick<Valetkey, "fetch" | "confirmUpload" | "openFile" | "ready" | "close"> = one;
  expectTypeOf(any.fetch).toEqualTypeOf(one.fetch);
});

it("the providers that types name are those of the table of providers", () => {
  expectTypeOf<StoreProvider>().toEqualTypeOf<ProviderName>();
});

it("the code of an error tells TypeScript which facts it has", () => {
  compiles(() => {
    const error: unknown = undefined;
    if (!isValetkeyError(error)) return;
    // @ts-expect-error Only some errors have it.
    void error.limit;
    if (error.code === "FILE_TOO_LARGE") expectTypeOf(error.limit).toBeNumber();
    if (error.code === "RATE_LIMITED") expectTypeOf(error.retryAfter).toBeNumber();
    if (error.code === "UPLOAD_MISMATCH")
      expectTypeOf(error.differences).toExtend<ReadonlyArray<object>>();
    // @ts-expect-error There is no such code.
    void (error.code === "FILE_TO_LARGE");
  });
});
