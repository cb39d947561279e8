import { inject } from "vitest";
import { need } from "./need.ts";

// Before a file of a suite that has packages of its own is loaded, so that it can import them.
await need(inject("tools"));
