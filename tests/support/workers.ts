import { readdirSync, readFileSync } from "node:fs";

/** The processes that a service has started and that run. */
export const workersOf = ({ pid }: { readonly pid: number }): ReadonlyArray<number> =>
  readdirSync("/proc")
    .map(Number)
    .filter((id) => id > 0 && parentOf(id) === pid);

/** Undefined for a process that has ended. */
export function parentOf(pid: number): number | undefined {
  try {
    const [state, parent] =
      readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}
