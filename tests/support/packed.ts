import { need } from "./need.ts";

/** The path of the packed package, which is built and packed once in a run. */
export const packed = async (): Promise<string> => (await need("package"))?.tarball ?? "";

/** The folder of what is in the package, as it is where somebody has installed it. */
export const unpacked = async (): Promise<string> => (await need("package"))?.folder ?? "";
