import { randomBytes } from "node:crypto";
import * as Effect from "effect/Effect";
import * as Duration from "effect/Duration";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as TestClock from "effect/testing/TestClock";
import { layer as contentDetector } from "../../content/content-detector.ts";
import { layer as random } from "../../tokens/random.ts";
import { tokensOf } from "../../tokens/tokens.ts";
import type { Member } from "../../../application/admit.ts";
import { confirmAnnounced } from "../../../application/uploads/confirm-announced.ts";
import { confirmUpload } from "../../../application/uploads/confirm-upload.ts";
import { guardStore } from "../../../application/store/guarded-store.ts";
import { Limiter } from "../../../application/ports/limiter.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { type ConfirmedUpload, OnConfirmed } from "../../../application/ports/on-confirmed.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { Tokens } from "../../../application/ports/tokens.ts";
import { removeFile } from "../../../application/files/remove-file.ts";
import { requestUpload } from "../../../application/uploads/request-upload.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { StoreUnavailable, UploadPending } from "../../../domain/errors.ts";
import { LinkLifetime } from "../../../domain/link.ts";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { DEFAULT_SCOPES, type Principal } from "../../../domain/principal.ts";
import type { UploadDifference } from "../../../domain/upload-difference.ts";
import {
  defaultPolicy,
  type UploadPolicy,
  type UploadRequest,
} from "../../../domain/upload-policy.ts";
import { assertMatches } from "../sending/assertions.ts";
import { longestSilence, refused } from "../sending/exchange.ts";
import { ORGANIZATION, UPLOAD } from "../sending/uploads.ts";

/** The caller of a use case, and the moment. */
export interface Call {
  /** Milliseconds since 1970; now by default. */
  readonly at?: number | undefined;
  /** Time that passes while it runs. */
  readonly waiting?: Duration.Input;
  /** A person by default. */
  readonly principal?: Principal;
  /** `ORGANIZATION` by default. */
  readonly organization?: string;
  /** Asks once, also if the answer is to come later. */
  readonly isOnce?: boolean;
}

/** Where a promise is tried otherwise than by certify. */
export interface Defaults {
  /** `ORGANIZATION` by default. */
  readonly organization: OrganizationId;
  /** The policy of uploads that name none; `files` by default. */
  readonly policy: string;
  /** The statuses of a GET of what is not there; 404 by default. */
  readonly absent: ReadonlyArray<number>;
}

/** Runs an effect at a moment, or under the real clock. */
export const runAt = <A, E>({ at, waiting }: Call, effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(
    at === undefined && waiting === undefined
      ? effect
      : Effect.gen(function* () {
          yield* TestClock.setTime(at ?? Date.now());
          const running = yield* Effect.forkChild(effect);
          if (waiting !== undefined) yield* TestClock.adjust(waiting);
          return yield* Fiber.join(running);
        }).pipe(Effect.provide(TestClock.layer())),
  );

const caller = (kind: Principal["kind"], subject: string): Principal => ({
  kind,
  subject,
  scopes: DEFAULT_SCOPES,
  organizations: "every",
});

const MEMBER = caller("user", "member");
/** A service of the same organization, which may do what its members began. */
export const SERVICE = caller("service", "backend");

/** Calls by those who may not know of what a member began, and their refusal. */
export const FOREIGN_CALLS: ReadonlyArray<Call> = [
  { principal: caller("user", "stranger") },
  { organization: "globex" },
  { organization: "globex", principal: SERVICE },
];
export const UNKNOWN = { _tag: "OrganizationNotFound" };
export const INCOMPLETE = { _tag: "UploadIncomplete" };
export const DONE = { _tag: "Done" };

/** The facts of what was done; fails on a refusal. */
export function done<A extends { readonly _tag: string }>(
  answer: A,
): Extract<A, { readonly _tag: "Done" }> {
  assertMatches(answer, DONE);
  return answer as Extract<A, { readonly _tag: "Done" }>;
}

const member = (organization: string, principal = MEMBER): Member => ({
  principal,
  slug: OrganizationSlug.make(organization),
  organization: OrganizationId.make(organization),
});

export const mismatch = (...differences: ReadonlyArray<Partial<UploadDifference>>) => ({
  _tag: "UploadMismatch",
  differences,
});

const HOUR = LinkLifetime.make(Duration.hours(1));
const POLICIES = new Map<string, UploadPolicy>([
  ["files", defaultPolicy],
  ["large", { ...defaultPolicy, maxSize: ByteSize.make(60_000_000), verifyContent: false }],
  ["cleaned", { ...defaultPolicy, onMismatch: "delete" }],
  ["shown", { ...defaultPolicy, inlinePdf: true, linkLifetime: HOUR }],
  ["verified", { ...defaultPolicy, verifyContent: true }],
  // Its uploads only claim to be images.
  ["incoming", { ...defaultPolicy, arrival: "incoming", verifyContent: false }],
  ["announced", { ...defaultPolicy, arrival: "incoming", announce: true, verifyContent: false }],
  ["incoming-verified", { ...defaultPolicy, arrival: "incoming" }],
]);

const UNLIMITED = Layer.succeed(Limiter, {
  check: Effect.void,
  countRequest: () => Effect.undefined,
  countUpload: () => Effect.void,
  uncountUpload: () => Effect.void,
});

/** On a busy machine, a store that works may answer too late for the service. */
const comesLater = (answer: unknown): boolean =>
  answer instanceof UploadPending ||
  (answer instanceof StoreUnavailable && ["timeout", "shed"].includes(answer.kind));
const MOST_TIMES = 20;

/** The use cases over one store, for members of several organizations. */
export function useCases(
  services: {
    readonly presigner: Presigner["Service"];
    readonly store: ObjectStore["Service"];
  } & Partial<Defaults>,
  secret: Uint8Array = randomBytes(32),
) {
  const { organization = ORGANIZATION } = services;
  const reported: Array<ConfirmedUpload> = [];
  const ports = Layer.mergeAll(
    Layer.succeed(Presigner, services.presigner),
    Layer.succeed(ObjectStore, guardStore(services.store)),
    Layer.succeed(Policies, POLICIES),
    UNLIMITED,
    Layer.succeed(Tokens, tokensOf([{ id: "test", secret }])),
    Layer.succeed(OnConfirmed, (upload) => Effect.sync(() => void reported.push(upload))),
    random,
    contentDetector,
  );
  type Program<A, E> = (member: Member) => Effect.Effect<A, E, Layer.Success<typeof ports>>;

  /** Runs a use case for a member: `Done` with its facts, or the refusal. */
  const run = <A extends object, E>(program: Program<A, E>, call: Call = {}) => {
    const ask = program(member(call.organization ?? organization, call.principal)).pipe(
      Effect.provide(ports),
      Effect.match({
        onSuccess: (facts) => ({ _tag: "Done" as const, ...facts }),
        onFailure: (refusal) => {
          refused(refusal);
          return refusal;
        },
      }),
    );
    const { at, waiting, isOnce = longestSilence() > 0 } = call;
    // The clock of a test stands still.
    const asksOnce = isOnce || at !== undefined || waiting !== undefined;
    const patient = Effect.repeat(ask, {
      until: (answer) => !comesLater(answer),
      times: MOST_TIMES,
    });
    return runAt(call, asksOnce ? ask : patient);
  };
  /** Runs a use case that may not be refused. */
  const granted = <A, E>(program: Program<A, E>) =>
    Effect.runPromise(Effect.provide(program(member(organization)), ports));

  return {
    run,
    granted,
    reported,
    /** Grants an upload of `CONTENT` as a PNG, with the given changes. */
    grant: (over: Partial<UploadRequest> = {}, policy = services.policy) =>
      granted((member) => requestUpload({ member, upload: { ...UPLOAD, policy, ...over } })),
    confirm: (receipt: string, call?: Call) =>
      run((member) => confirmUpload({ member, receipt }), call),
    /** Hears that there is an object of this name. */
    hear: (name: string) => granted(() => confirmAnnounced(name)),
    remove: (key: string, call?: Call) =>
      run((member) => Effect.as(removeFile({ member, key }), {}), call),
  };
}
