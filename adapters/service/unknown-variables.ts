import { closest, distance } from "fastest-levenshtein";
import type { Fault } from "../settings/setting.ts";
import type { Env } from "../settings/source.ts";

// Finds variables with nearly known names. Those of other programs are left alone.

const OTEL = "not used; docs/traces.md has those that are";

/** Returns the variables that end the start, and those that are only worth a warning. */
export function unknownVariables(env: Env, known: ReadonlyArray<string>) {
  const faults: Array<Fault> = [];
  const warnings: Array<string> = [];
  const exporting: Array<string> = [];
  const names = new Set(known);
  for (const [name, value] of Object.entries(env)) {
    if (!value || names.has(name) || isServiceLink(name, value)) continue;
    const meant = known.find((each) => isNear(name, each));
    if (name.startsWith("OTEL_")) exporting.push(name);
    else if (meant !== undefined && env[meant] === undefined) {
      const problem = `is not a known variable; did you mean ${meant}? If another program has it, also set ${meant}, empty if need be`;
      faults.push({ setting: { variable: name }, problem, example: "" });
    } else if (PREFIXES.test(name)) {
      warnings.push(`${name} is not a known variable${hint(name, meant ?? closest(name, known))}`);
    }
  }
  if (exporting.length > 0) warnings.push(`${exporting.join(", ")}: ${OTEL}`);
  return { faults, warnings };
}

const PREFIXES =
  /^(?:STORAGE|AUTH|JWT|FORWARD_AUTH|LIMITS?|METRICS|SHUTDOWN|CLAMD|EVENTS|NOTIFICATIONS)_/;

const hint = (name: string, meant: string) =>
  distance(name, meant) * 2 < name.length ? `; did you mean ${meant}?` : "";

/** Returns true for variables such as `STORAGE_PORT=tcp://…`, which Kubernetes and Docker set. */
const isServiceLink = (name: string, value: string) =>
  /_SERVICE_(?:HOST|PORT)|_PORT_\d+_/.test(name) || /^(?:tcp|udp|sctp):/.test(value);

/** Returns true if one or two letters differ, or one word of several is missing. */
function isNear(name: string, known: string): boolean {
  const words = name.split("_");
  const meant = known.split("_");
  if (words.length === meant.length) {
    const apart = words.map((word, index) => lettersApart(word, meant[index] ?? ""));
    // Short words, such as HOST, are close to many others.
    const isShort = meant.length === 1 && known.length < 6;
    return apart.reduce((sum, each) => sum + each) <= 2 && (!isShort || areSwapped(name, known));
  }
  return (
    words.length > 2 &&
    words.length + 1 === meant.length &&
    meant.some((_, index) => index > 0 && meant.toSpliced(index, 1).join("_") === name)
  );
}

function lettersApart(word: string, meant: string): number {
  if (areSwapped(word, meant)) return Math.min(1, distance(word, meant));
  const length = Math.max(word.length, meant.length);
  const apart = distance(word, meant);
  return apart <= (length < 4 ? 0 : length < 6 ? 1 : 2) ? apart : Infinity;
}

const areSwapped = (word: string, meant: string) =>
  [...word].toSorted().join("") === [...meant].toSorted().join("");
