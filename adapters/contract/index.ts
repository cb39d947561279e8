// The promises of every store of Valetkey, as tests for our adapters and for those of others.

import type { Harness } from "./subject/harness.ts";
import { PROMISES } from "./promises/promises.ts";
import { register } from "./running/register.ts";

export type { Ability } from "../../application/ports/abilities.ts";
export type { Harness, OpenStore } from "./subject/harness.ts";

/**
 * Registers the contract of a store with Vitest, in a file of its tests:
 *
 *     contract({
 *       name: "my store",
 *       without: ["two endpoints", "multipart"],
 *       open: async () => ({ layer: myStore({ bucket: "contract" }), bucket: "contract" }),
 *     });
 *
 * Each test signs with the adapter, sends what was granted and what was not, and checks what the
 * store does. Nothing is mocked, so the store must be running, and its clock must agree with this
 * machine's within a few seconds.
 */
export const contract = (harness: Harness): void => register(harness, PROMISES);
