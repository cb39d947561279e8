import { closest, distance } from "fastest-levenshtein";
import type { Fault } from "../settings/setting.ts";
import type { Env } from "../settings/source.ts";

// Variables that were ours, or nearly are. Those of others are left alone.

interface Removed {
  readonly instead: string;
  /** Tells whether what the variable kept closed would be open; the service does not start then. */
  readonly opens?: (value: string, env: Env) => boolean;
}

const OTEL = "nothing is exported any more; let a collector's prometheus receiver read /metrics";
const RESTART = "restart the service to change its configuration";
const REMOVED = new Map(
  Object.entries<Removed>({
    CONTROL_SOCKET: { instead: RESTART },
    PID_FILE: { instead: RESTART },
    GOOGLE_CLOUD_PROJECT: { instead: "the key names the project in which a bucket is made" },
    GOOGLE_CLOUD_UNIVERSE_DOMAIN: {
      instead:
        "the key names it; without a key set STORAGE_ENDPOINT and STORAGE_GCS_IAM_ENDPOINT instead",
    },
    LIMIT_MULTIPART_UPLOADS: {
      instead: "set LIMIT_BYTES_PER_DAY, which counts all bytes of an upload in parts at its start",
      opens: (value, env) => value !== "off" && !env["LIMIT_BYTES_PER_DAY"],
    },
    LINKS_DENIED: {
      instead:
        "the links in it would open again; remove their files, or take the key out of RECEIPT_KEYS, which ends its links and receipts",
      opens: () => true,
    },
    METRICS: {
      instead:
        "METRICS_PORT (a port of its own) or METRICS_TOKEN (on the port of the service) alone opens /metrics",
      opens: (value, env) =>
        value !== "token" && Boolean(env["METRICS_PORT"] || env["METRICS_TOKEN"]),
    },
    METRICS_ORGANIZATIONS: { instead: "the audit names the organization" },
    STORAGE_GCS_SIGN_LENGTH: {
      instead: "set strict in the policies, which binds the size",
      opens: (value) => value === "on",
    },
    WEB_CONCURRENCY: { instead: "run replicas behind a proxy, with REPLICAS and REDIS_URL" },
  }),
);

/** Finds the variables that end the start, and those that are only worth a warning. */
export function unknownVariables(env: Env, known: ReadonlyArray<string>) {
  const faults: Array<Fault> = [];
  const warnings: Array<string> = [];
  const exporting: Array<string> = [];
  const names = new Set(known);
  const end = (variable: string, problem: string) =>
    faults.push({ setting: { variable }, problem, example: "" });
  for (const [name, value] of Object.entries(env)) {
    if (!value || names.has(name) || isServiceLink(name, value)) continue;
    const removed = REMOVED.get(name);
    const meant = known.find((each) => isNear(name, each));
    if (name.startsWith("OTEL_")) exporting.push(name);
    else if (removed !== undefined) {
      const problem = `is no variable any more: ${removed.instead}`;
      if (removed.opens?.(value, env)) end(name, `${problem}; then unset it`);
      else warnings.push(`${name} ${problem}`);
    } else if (meant !== undefined && env[meant] === undefined) {
      end(
        name,
        `is not a known variable; did you mean ${meant}? If another program has it, also set ${meant}, empty if need be`,
      );
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

/** Kubernetes and Docker name the services around by variables such as `STORAGE_PORT=tcp://…`. */
const isServiceLink = (name: string, value: string) =>
  /_SERVICE_(?:HOST|PORT)|_PORT_\d+_/.test(name) || /^(?:tcp|udp|sctp):/.test(value);

/** Tells whether one or two letters differ, or a word of several is left out. */
function isNear(name: string, known: string): boolean {
  const words = name.split("_");
  const meant = known.split("_");
  if (words.length === meant.length) {
    const apart = words.map((word, index) => lettersApart(word, meant[index] ?? ""));
    // Short words, such as HOST, are near to many others.
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
