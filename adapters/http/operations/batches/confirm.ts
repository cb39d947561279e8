import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { confirmUploads } from "../../../../application/uploads/confirm-uploads.ts";
import { memberAt } from "../../../values/decode.ts";
import { documentFrom } from "../../problems/answer-problem.ts";
import { CALLS, WIRE } from "../../problems/language.ts";
import { logReason } from "../../problems/log-reason.ts";
import { problemFrom, type Refusal } from "../../problems/problem.ts";
import { Internal } from "../../problems/refusals.ts";
import { ConfirmedUpload, presentConfirmed } from "../confirm.ts";
import { FILES, operation, type OperationContext } from "../operation.ts";
import { RECEIPT, seconds, text } from "../schemas.ts";

const MAX_RECEIPTS = 100;

/** Has no pattern as `Token`: what is no receipt is answered in its place, and fails no other. */
const AnyReceipt = text("As the request to upload answered it.", RECEIPT);

export const confirmBatchOperation = operation({
  action: "confirm",
  methods: ["POST"],
  path: `${FILES}/confirm/batch`,
  scope: "confirm",
  text: {
    operationId: "confirmBatch",
    summary: "Confirm that several files arrived as they were granted",
    description:
      "Each of up to 100 receipts is answered as if it was confirmed alone, with its file or its problem, and they count as one request.",
    examples: { uploads: { receipts: [RECEIPT, RECEIPT] } },
    answers: "Every upload is answered: look for problems.",
  },
  // Enough for 100 receipts with the longest names and the most metadata.
  bodyLimit: 1024 * 1024,
  input: Schema.Struct({
    receipts: Schema.Array(AnyReceipt).check(
      Schema.isMinLength(1, { message: "it has no receipt" }),
      Schema.isMaxLength(MAX_RECEIPTS),
    ),
  }).annotate({ identifier: "ConfirmationBatch" }),
  before: (input) => {
    const receipts = memberAt(input, ["receipts"]);
    return Array.isArray(receipts) && receipts.length > MAX_RECEIPTS ? TOO_MANY : undefined;
  },
  // The audit has a line for a receipt that nobody can read, too.
  facts: ({ receipts }) => receipts.map(() => ({})),
  run: (asking, { receipts }) => answerEach(asking, receipts),
  output: Schema.Struct({
    uploads: Schema.Array(
      Schema.Struct({
        file: Schema.optionalKey(ConfirmedUpload),
        problem: Schema.optionalKey(
          Schema.StructWithRest(
            Schema.Struct({
              title: Schema.String,
              status: Schema.Int.annotate({ description: "As of an upload confirmed alone." }),
              detail: text("What is wrong and what to do about it.", "Finish the PUT."),
              code: text("As in problems.", "UPLOAD_INCOMPLETE"),
            }),
            [Schema.Record(Schema.String, Schema.Unknown)],
          ).annotate({
            identifier: "ConfirmProblem",
            description: "A problem, with the members that its code has.",
          }),
        ),
        retryAfter: Schema.optionalKey(seconds("When to confirm it again, in seconds.", 2)),
      }).annotate({ identifier: "ConfirmOutcome", description: "A `file` or a `problem`." }),
    ).annotate({ description: "In the order of `receipts`." }),
  }).annotate({ identifier: "ConfirmOutcomes" }),
  present: (answered, asking) => ({
    uploads: answered.map(({ file, ...refused }) =>
      file === undefined ? refused : { file: presentConfirmed(file, asking) },
    ),
  }),
  callGives: "uploads",
  refusals: {},
});

const answerEach = Effect.fnUntraced(function* (
  asking: OperationContext,
  receipts: ReadonlyArray<string>,
) {
  const answered: Array<Answered> = [];
  for (const outcome of yield* confirmUploads({ member: asking.member, receipts })) {
    answered.push(
      Exit.isSuccess(outcome)
        ? { file: outcome.value }
        : yield* refuse(asking, outcome.cause, answered.length),
    );
  }
  return answered;
});

interface Answered {
  readonly file?: Parameters<typeof presentConfirmed>[0];
  readonly problem?: ReturnType<typeof documentFrom>;
  /** In seconds. */
  readonly retryAfter?: number;
}

const TOO_MANY = { pointer: "/receipts", reason: `it has more than ${MAX_RECEIPTS} receipts` };

/** Makes the problem of one upload, which the log and the audit get as if it was alone. */
const refuse = Effect.fnUntraced(function* (
  { member, headers, requestId = crypto.randomUUID() }: OperationContext,
  cause: Cause.Cause<Refusal>,
  index: number,
): Effect.fn.Return<Answered> {
  const found = Cause.findError(cause);
  const isRefusal = Result.isSuccess(found);
  const refusal = isRefusal ? found.success : new Internal({ requestId });
  yield* isRefusal
    ? logReason(refusal, requestId)
    : Effect.logError("request failed", { requestId, cause: Cause.pretty(cause) });
  const problem = problemFrom(refusal, headers === undefined ? CALLS : WIRE);
  member.recordFacts?.({ refusal: problem.code }, index);
  const { retryAfter } = problem;
  return { problem: documentFrom(problem), ...(retryAfter !== undefined && { retryAfter }) };
});
