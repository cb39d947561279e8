import { randomBytes } from "node:crypto";
import * as Effect from "effect/Effect";
import type * as Duration from "effect/Duration";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as TestClock from "effect/testing/TestClock";
import { layer as limiter } from "../../limits/memory.ts";
import { layer as random } from "../random.ts";
import { tokensOf } from "../../tokens/tokens.ts";
import { confirmUpload } from "../../../application/confirm-upload.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { type ConfirmedUpload, OnConfirmed } from "../../../application/ports/on-confirmed.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { Tokens } from "../../../application/ports/tokens.ts";
import { requestUpload } from "../../../application/request-upload.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileName } from "../../../domain/file-name.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { EVERY_SCOPE, type Principal } from "../../../domain/principal.ts";
import { defaultPolicy, type UploadRequest } from "../../../domain/upload-policy.ts";
import { CONTENT, PNG } from "./sample-upload.ts";
import type { Subject } from "./subject.ts";

/** A caller with every scope. */
export const caller = (kind: Principal["kind"], subject: string): Principal => ({
  kind,
  subject,
  scopes: EVERY_SCOPE,
  organizations: "every",
});

const MEMBER = caller("user", "member");
const ACME = OrganizationId.make("acme");

/** The use cases over one store, for members of several organizations. */
export function useCases({ presigner, store }: Pick<Subject, "presigner" | "store">) {
  const told: Array<ConfirmedUpload> = [];
  const services = Layer.mergeAll(
    Layer.succeed(Presigner, presigner),
    Layer.succeed(ObjectStore, store),
    Layer.succeed(
      Policies,
      new Map([
        ["files", defaultPolicy],
        ["shown", { ...defaultPolicy, inlinePdf: true }],
        ["cleaned", { ...defaultPolicy, deleteMismatch: true }],
        ["kept", { ...defaultPolicy, writeOnce: true, unconfirmedAfter: 3 }],
      ]),
    ),
    limiter({ requests: {}, daily: {} }),
    Layer.succeed(Tokens, tokensOf([{ id: "test", secret: randomBytes(32) }])),
    Layer.succeed(OnConfirmed, (upload) => Effect.sync(() => void told.push(upload))),
    random,
  );
  return {
    told,
    grant: (over: Partial<UploadRequest> = {}, policy?: string) =>
      Effect.runPromise(
        requestUpload({
          member: { principal: MEMBER, organization: ACME },
          policy,
          upload: {
            fileName: FileName.make("é.png"),
            mediaType: PNG,
            size: ByteSize.make(CONTENT.length),
            strict: false,
            ...over,
          },
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
      const { principal = MEMBER, at, waiting } = over;
      const organization = OrganizationId.make(over.organization ?? "acme");
      const confirmed = confirmUpload({ member: { principal, organization }, receipt }).pipe(
        Effect.provide(services),
        Effect.map((facts) => ({ _tag: "Confirmed" as const, ...facts })),
        Effect.catch((refusal) => Effect.succeed(refusal)),
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
