import * as Schema from "effect/Schema";
import { withDefault } from "./setting.ts";

/** Folder for data without another place: the embedded store's objects, a receipt key. */
export const directory = withDefault(".valetkey", {
  variable: "STORAGE_LOCAL_DIR",
  option: "directory",
  meaning: "The folder of the embedded store.",
  shape: "a folder that Valetkey alone writes to",
  example: ".valetkey",
  codec: Schema.NonEmptyString,
});
