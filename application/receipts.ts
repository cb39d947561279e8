import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { InvalidReceipt } from "../domain/errors.ts";
import { Receipt } from "../domain/receipt.ts";
import { Tokens } from "./ports/tokens.ts";

const Json = Schema.fromJsonString(Receipt);
const encode = Schema.encodeSync(Json);
const decode = Schema.decodeOption(Json);

/** Seals the memory of a grant for the client to keep. */
export const sealReceipt = (receipt: Receipt): Effect.Effect<string, never, Tokens> =>
  Tokens.useSync(({ seal }) => seal("receipt", encode(receipt)));

/** Reads a receipt that was sealed here; fails with `InvalidReceipt` for any other text. */
export const openReceipt = (text: string): Effect.Effect<Receipt, InvalidReceipt, Tokens> =>
  Effect.flatMap(Tokens, ({ open }) =>
    Option.match(Option.flatMap(open("receipt", text), decode), {
      onNone: () => Effect.fail(new InvalidReceipt()),
      onSome: Effect.succeed,
    }),
  );
