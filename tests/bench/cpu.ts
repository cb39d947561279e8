import { existsSync, readFileSync } from "node:fs";

/** Whether the system tells what a process has used, which is read from `/proc`. */
export const HAS_PROC = existsSync("/proc/self/stat");

/** Microseconds of CPU that a process and its threads have used, as the system counts them. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses; user and system time are the 14th and 15th, in
  // ticks of a hundredth of a second (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Bytes of memory that a process holds, now and at most. */
export function memoryOf(pid: number): { readonly resident: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? Number.NaN);
  return { resident: kibibytes("VmRSS") * 1024, peak: kibibytes("VmHWM") * 1024 };
}
