import { expectTypeOf, it } from "vitest";
import type { Client } from "../../adapters/client/client.ts";
import type * as client from "../../adapters/client/decode.ts";
import type { useUploads } from "../../adapters/client/react/use-uploads.ts";
import type { Job } from "../../adapters/client/upload.ts";
import type { Calls, Inputs } from "../../adapters/embed/operations.ts";
import type { SnakeCase } from "../../adapters/values/names.ts";

// The client imports nothing, so the names and types of the wire stand in it too; `npm run
// check:types` fails if they are not those of the operations.

/** The answer of an operation as JSON, with its members in camel case, as the client names them. */
type Answer<Name extends keyof Calls> = InJson<Awaited<ReturnType<Calls[Name]>>>;
type InJson<A> = A extends Date
  ? string
  : A extends object
    ? { readonly [Name in keyof A]: InJson<A[Name]> }
    : A;

/** The members that the client reads and no answer has. */
type Unknown<Read, Answered> = Exclude<keyof Read, keyof Answered>;

it("the client reads of each answer what the operation answers", () => {
  type Started = ReturnType<ReturnType<typeof client.startDecoder>>;
  type Stored = ReturnType<typeof client.decodeStored>["parts"];
  type Confirmed = Omit<client.UploadResult, "receipt">;
  expectTypeOf<Answer<"confirmUpload">>().toExtend<Confirmed>();
  expectTypeOf<Answer<"startMultipart">>().toExtend<Started>();
  type Signed = ReturnType<ReturnType<typeof client.signedDecoder>>["parts"];
  expectTypeOf<Answer<"signParts">>().toExtend<Signed>();
  expectTypeOf<Answer<"listParts">>().toExtend<Stored>();
  expectTypeOf<Answer<"completeMultipart">>().toExtend<client.UploadResult>();
  expectTypeOf<Answer<"policies">[number]>().toExtend<client.UploadPolicy>();
  type Listed = Answer<"listFiles">["files"][number];
  expectTypeOf<Listed>().toExtend<Omit<client.StoredFile, "storedAt">>();
  expectTypeOf<Unknown<client.StoredFile, Listed>>().toBeNever();
  expectTypeOf<Unknown<client.UploadPolicy, Answer<"policies">[number]>>().toBeNever();
});

it("the client and the hook give serverData the type that its user names", () => {
  type Data = { readonly id: number };
  type Uploaded = Awaited<ReturnType<Client<Data>["upload"]>>;
  expectTypeOf<Uploaded["serverData"]>().toEqualTypeOf<Data | undefined>();
  type Hook = ReturnType<typeof useUploads<Data>>;
  expectTypeOf<Hook["uploads"][number]["result"]>().toEqualTypeOf<Uploaded | undefined>();
  expectTypeOf<Awaited<ReturnType<Client["upload"]>>["serverData"]>().toBeUnknown();
});

it("the client asks to upload with members of the operation", () => {
  type Input = Inputs["requestUpload"];
  type Body = { readonly [Name in keyof Input as SnakeCase<Name>]: Input[Name] };
  expectTypeOf<Job["fields"]>().toExtend<Body>();
  expectTypeOf<Unknown<Job["fields"], Body>>().toBeNever();
});
