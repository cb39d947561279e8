import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type { OrganizationId } from "../../../domain/organization.ts";
import { expiring } from "../expiring.ts";

/** The longest wait for the first list of an organization, in milliseconds. */
const LONGEST_WAIT = 2000;
const MINUTE = Duration.toMillis(Duration.minutes(1));

interface List {
  readonly fiber: Fiber.Fiber<void>;
  readonly until: number;
}

/**
 * Lets the first uploads of an organization that is not known wait for the list of its files: all of
 * them together, so that a list that takes long, or a store that is away, holds up a few and not all.
 */
export function makeListWait() {
  const lists = expiring<List, OrganizationId>();
  const left = ({ until }: List, now: number) => Math.min(until - now, LONGEST_WAIT);
  return {
    /** Returns true if uploads have waited within the last minute. */
    isOver: (organization: OrganizationId) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const list = lists.get(organization, now);
        return list !== undefined && left(list, now) <= 0;
      }),
    /** Waits for `care`, which is forked unless it is under way. */
    wait: Effect.fnUntraced(function* (
      organization: OrganizationId,
      care: Effect.Effect<void>,
      isDue: boolean,
    ) {
      const now = yield* Clock.currentTimeMillis;
      let list = lists.get(organization, now);
      if (list === undefined || (isDue && list.fiber.pollUnsafe() !== undefined)) {
        list = { fiber: yield* Effect.forkDetach(care), until: now + LONGEST_WAIT };
        lists.set(organization, list, now + MINUTE);
      }
      const most = left(list, now);
      if (most > 0) yield* Effect.timeoutOption(Fiber.join(list.fiber), most);
    }),
  };
}
