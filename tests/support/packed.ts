import { join } from "node:path";
import { need } from "./need.ts";
import { runCommand } from "./run-command.ts";

/** The path of the packed package, which is built and packed once in a run. */
export const packed = async (): Promise<string> => (await need("package"))?.tarball ?? "";

/** The folder of what is in the package, as it is where somebody has installed it. */
export const unpacked = async (): Promise<string> => (await need("package"))?.folder ?? "";

/** Makes a starter in a folder, as `npm create valetkey` does, with the packed package. */
export async function createStarter(
  folder: string,
  options: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const command = join((await need("createPackage"))?.folder ?? "", "create.js");
  const args = [command, folder, ...options, "--valetkey", await packed()];
  const { stdout } = await runCommand([process.execPath, ...args], { env: { ...env } });
  return stdout;
}
