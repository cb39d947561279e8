import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Schema from "effect/Schema";
import type {
  PartState as Part,
  Readiness as Parts,
} from "../../../application/store/check-readiness.ts";
import { Authenticator, countFailure } from "../../../application/ports/authenticator.ts";
import { json, JSON_HEADERS } from "../answer.ts";
import { isFromThisMachine } from "../loopback.ts";
import { type PublicRequest, publicRoute } from "./operation.ts";
import { instant } from "./schemas.ts";
import { toWire, wireSchema } from "./wire.ts";

/** A page that gets no answers from the API learns by this that the service is there. */
const READABLE = { ...JSON_HEADERS, "Access-Control-Allow-Origin": "*" };

/** Answers that the process is alive. Nothing else is checked. */
export const health = publicRoute({
  methods: ["GET", "HEAD"],
  path: "/healthz",
  isProbe: true,
  text: {
    operationId: "health",
    tag: "service",
    summary: "Whether the process is alive",
    answers: "The process is alive.",
  },
  answer: Schema.Struct({ status: Schema.Literal("alive") }).annotate({ identifier: "Health" }),
  handler: () => Effect.succeed(json({ status: "alive" }, 200, READABLE)),
  refusals: {},
});

const PartState = Schema.Struct({
  state: Schema.Literals(["ok", "failing"]),
  since: instant("When this state began.", "2026-11-24T12:00:00.000Z"),
  reason: Schema.optionalKey(
    Schema.String.annotate({ description: "For the operator, if the part is failing." }),
  ),
  certificate: Schema.optionalKey(
    Schema.String.annotate({
      description: "For the operator: by which the abilities of the store are known.",
    }),
  ),
}).annotate({ identifier: "PartState" });

const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "degraded", "unavailable", "stopping"]),
  parts: Schema.Struct({
    signing: PartState,
    store: PartState,
    limits: PartState,
    writeOnce: Schema.optionalKey(PartState),
    scanner: Schema.optionalKey(PartState),
    events: Schema.optionalKey(PartState),
    policies: Schema.optionalKey(PartState),
    stores: Schema.optionalKey(PartState),
  } satisfies Readonly<Record<keyof Parts, unknown>>).annotate({
    identifier: "ReadinessParts",
  }),
}).annotate({ identifier: "Readiness" });

const encode = toWire(Readiness);

/**
 * Answers 503 if URLs cannot be signed or the service is stopping. While another part fails, the
 * service is `degraded` and ready, since signing needs only credentials. A reason can name
 * addresses and folders, so only callers on this machine or with a token see it, and the store's
 * certificate.
 */
const readinessNow = Effect.fnUntraced(function* (request: PublicRequest) {
  const { c, options } = request;
  // Without a check this route is not served.
  const parts = yield* options.readiness ?? Effect.never;
  const stopping = options.isStopping();
  const showsReasons = isFromThisMachine(c) || (yield* isKnown(request));
  const describe = ({ since, ...part }: Part) => {
    const { state } = part;
    return { ...(showsReasons ? part : { state }), since: DateTime.toDate(since) };
  };
  const canSign = parts.signing.state === "ok";
  const isDegraded = Object.values(parts).some((part) => part?.state === "failing");
  const status = stopping
    ? "stopping"
    : !canSign
      ? "unavailable"
      : isDegraded
        ? "degraded"
        : "ready";
  const described = Object.entries(parts).map(([name, part]) => [name, part && describe(part)]);
  const body = { status, parts: Object.fromEntries(described) };
  return json(encode(body), canSign && !stopping ? 200 : 503);
});

const isKnown = Effect.fnUntraced(function* ({ call }: PublicRequest) {
  const known = (yield* Authenticator).authenticate(call);
  // Probes are frequent and have no token; they must not count as failed attempts.
  const isProbe = call.headers.get("authorization") === null;
  const counted = Effect.catchTag(known, "Unauthenticated", (refusal) =>
    countFailure(call, refusal),
  );
  return Exit.isSuccess(yield* Effect.exit(isProbe ? known : counted));
});

export const readiness = publicRoute({
  methods: ["GET", "HEAD"],
  path: "/readyz",
  isProbe: true,
  text: {
    operationId: "readiness",
    tag: "service",
    summary: "Whether the service can sign, and the state of its parts",
    answers: {
      200: {
        description:
          "The service can sign. It is `degraded` if another part fails, such as the store.",
      },
      503: { description: "The service cannot sign, or is stopping." },
    },
  },
  answer: wireSchema(Readiness),
  handler: readinessNow,
  refusals: {},
});
