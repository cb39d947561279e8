import { vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";

/** Runs `valetkey` in this process as a person does, without a service to start. */
export async function valetkey(
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
) {
  const { exitCode } = process;
  process.exitCode = 0;
  const written = { stdout: "", stderr: "" };
  const streams = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    await main(args, () => Promise.reject(new Error("nothing may be served")));
    return { code: Number(process.exitCode), ...written };
  } finally {
    process.exitCode = exitCode;
    for (const stream of streams) stream.mockRestore();
    vi.unstubAllEnvs();
  }
}
