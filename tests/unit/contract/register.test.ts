import { afterAll, expect } from "vitest";
import { promises } from "../../../adapters/contract/promises/store-promise.ts";
import { register } from "../../../adapters/contract/running/register.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { embeddedStore } from "../../support/embedded-store.ts";

const NO_ANSWER = new StoreUnavailable({ kind: "timeout", reason: "it did not answer" });
let tries = 0;

register(
  embeddedStore(),
  promises([], {
    "a promise is tried again of a store that gave no answer": async () => {
      tries += 1;
      if (tries < 3) throw NO_ANSWER;
    },
  }),
);

afterAll(() => expect(tries).toBe(3));
