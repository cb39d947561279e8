import { join } from "node:path";
import { need } from "./need.ts";

/** The path of an entry point as the image has it, which starts in a third of the source's time. */
export const bundled = async (entry: "node" | "cli"): Promise<string> =>
  join((await need("service")) ?? "", `${entry}.js`);
