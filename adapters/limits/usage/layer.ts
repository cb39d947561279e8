import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { Usage } from "../../../application/ports/usage.ts";
import { counterIn, type UsageSettings } from "./counter.ts";
import type { Ledger } from "./ledger.ts";
import { ledgerInMemory } from "./memory.ts";

/** Connects a ledger that processes share, until the scope closes. */
export type SharedLedger = Effect.Effect<Ledger, never, Scope.Scope>;

/** Counts what is stored; without settings nothing is counted. */
export const layer = (
  settings: UsageSettings | undefined,
  shared: SharedLedger = Effect.sync(ledgerInMemory),
): Layer.Layer<never> =>
  settings === undefined
    ? Layer.empty
    : Layer.effect(
        Usage,
        Effect.map(shared, (ledger) => counterIn(ledger, settings)),
      );
