import { randomBytes } from "node:crypto";
import * as Effect from "effect/Effect";
import * as Duration from "effect/Duration";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as TestClock from "effect/testing/TestClock";
import { layer as limiter } from "../../limits/memory.ts";
import { layer as random } from "../../crypto/random.ts";
import { tokensOf } from "../../tokens/tokens.ts";
import type { Member } from "../../../application/admit.ts";
import { confirmUpload } from "../../../application/confirm-upload.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { type ConfirmedUpload, OnConfirmed } from "../../../application/ports/on-confirmed.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { Tokens } from "../../../application/ports/tokens.ts";
import { requestUpload, requestUploads } from "../../../application/request-upload.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileName } from "../../../domain/file-name.ts";
import { LinkLifetime } from "../../../domain/link.ts";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { EVERY_SCOPE, type Principal } from "../../../domain/principal.ts";
import type { UploadDifference } from "../../../domain/upload-difference.ts";
import { defaultPolicy, type UploadRequest } from "../../../domain/upload-policy.ts";
import { CONTENT, PNG } from "./sample-upload.ts";

/** A caller with every scope. */
export const caller = (kind: Principal["kind"], subject: string): Principal => ({
  kind,
  subject,
  scopes: EVERY_SCOPE,
  organizations: "every",
});

/** The answer of `confirm` to an upload that differs from its grant. */
export const mismatchOf = (...differences: ReadonlyArray<Partial<UploadDifference>>) => ({
  _tag: "UploadMismatch",
  differences,
});

const HOUR = LinkLifetime.make(Duration.hours(1));
const MEMBER = caller("user", "member");
const inOrganization = (name: string, principal: Principal): Member => ({
  principal,
  slug: OrganizationSlug.make(name),
  organization: OrganizationId.make(name),
});
const IN_ACME = inOrganization("acme", MEMBER);
const UPLOAD: UploadRequest = {
  fileName: FileName.make("é.png"),
  mediaType: PNG,
  size: ByteSize.make(CONTENT.length),
  strict: false,
};

export type UseCases = ReturnType<typeof useCases>;

/** The use cases over one store, for members of several organizations. */
export function useCases({
  presigner,
  store,
}: {
  readonly presigner: Presigner["Service"];
  readonly store: ObjectStore["Service"];
}) {
  const told: Array<ConfirmedUpload> = [];
  const services = Layer.mergeAll(
    Layer.succeed(Presigner, presigner),
    Layer.succeed(ObjectStore, store),
    Layer.succeed(
      Policies,
      new Map([
        ["files", defaultPolicy],
        ["shown", { ...defaultPolicy, inlinePdf: true, linkLifetime: HOUR }],
        ["cleaned", { ...defaultPolicy, deleteMismatch: true }],
        ["kept", { ...defaultPolicy, writeOnce: true, unconfirmedAfter: 3 }],
      ]),
    ),
    limiter({ requests: {}, daily: {} }),
    Layer.succeed(Tokens, tokensOf([{ id: "test", secret: randomBytes(32) }])),
    Layer.succeed(OnConfirmed, (upload) => Effect.sync(() => void told.push(upload))),
    random,
  );
  /** The outcome of a use case for a member: `Done` with its facts, or the refusal. */
  const run = <A extends object, E>(
    program: (member: Member) => Effect.Effect<A, E, Layer.Success<typeof services>>,
    over: { principal?: Principal; organization?: string; at?: number } = {},
  ) => {
    const { principal = MEMBER, organization = "acme", at } = over;
    const outcome = program(inOrganization(organization, principal)).pipe(
      Effect.provide(services),
      Effect.match({
        onSuccess: (facts) => ({ _tag: "Done" as const, ...facts }),
        onFailure: (refusal) => refusal,
      }),
    );
    return Effect.runPromise(
      at === undefined
        ? outcome
        : Effect.andThen(TestClock.setTime(at), outcome).pipe(Effect.provide(TestClock.layer())),
    );
  };
  return {
    run,
    /** The uploads that were reported as confirmed. */
    told,
    /** Grants an upload of `CONTENT` as a PNG, with the given changes. */
    grant: (over: Partial<UploadRequest> = {}, policy?: string) =>
      Effect.runPromise(
        requestUpload({ member: IN_ACME, policy, upload: { ...UPLOAD, ...over } }).pipe(
          Effect.provide(services),
        ),
      ),
    /** Grants several such uploads together. */
    grantAll: (count: number) =>
      Effect.runPromise(
        requestUploads({
          member: IN_ACME,
          uploads: Array.from({ length: count }, () => ({ upload: UPLOAD })),
        }).pipe(Effect.provide(services)),
      ),
    /** The code of the answer, with its members. */
    confirm: (
      receipt: string,
      over: {
        principal?: Principal;
        organization?: string;
        /** The time of the request; now by default. */
        at?: number;
        /** How much time passes during the request. */
        waiting?: Duration.Input;
      } = {},
    ) => {
      const { principal = MEMBER, organization = "acme", at, waiting } = over;
      const member = inOrganization(organization, principal);
      const confirmed = confirmUpload({ member, receipt }).pipe(
        Effect.provide(services),
        Effect.match({
          onSuccess: (facts) => ({ _tag: "Confirmed" as const, ...facts }),
          onFailure: (refusal) => refusal,
        }),
      );
      if (at === undefined && waiting === undefined) return Effect.runPromise(confirmed);
      return Effect.runPromise(
        Effect.gen(function* () {
          yield* TestClock.setTime(at ?? Date.now());
          const answer = yield* Effect.forkChild(confirmed);
          if (waiting !== undefined) yield* TestClock.adjust(waiting);
          return yield* Fiber.join(answer);
        }).pipe(Effect.provide(TestClock.layer())),
      );
    },
  };
}
