import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes an empty folder. The run removes it in its end, as all that is in its own `TMPDIR`. */
export const makeFolder = (): string => mkdtempSync(join(tmpdir(), "valetkey-"));
