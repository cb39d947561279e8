import { afterAll, expect } from "vitest";
import { promises } from "../../../adapters/contract/promises/store-promise.ts";
import { register } from "../../../adapters/contract/running/register.ts";
import { refused } from "../../../adapters/contract/sending/exchange.ts";
import { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { embeddedStore } from "../../support/embedded-store.ts";

const NO_ANSWER = new StoreUnavailable({ kind: "timeout", reason: "it did not answer" });

const tries = [
  () => {
    throw new CredentialsUnavailable({ reason: "they came too late" });
  },
  // What the use case then says is not what the promise expects.
  () => {
    refused(NO_ANSWER);
    expect.fail();
  },
  () => undefined,
];

register(
  embeddedStore(),
  promises([], {
    "a promise is tried again of a store that gave no answer": async () => tries.shift()?.(),
  }),
);

afterAll(() => expect(tries).toEqual([]));
