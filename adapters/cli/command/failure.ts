import * as Data from "effect/Data";

/** Exit codes: 1 and 2 as `diff` and `grep` have them, the others as `sysexits.h`. */
export const EXIT = {
  failure: 1,
  couldNotRun: 2,
  usage: 64,
  noInput: 66,
  unavailable: 69,
  cannotCreate: 73,
  configuration: 78,
};

export class CommandFailure extends Data.Error<{ code: number; message: string }> {}
