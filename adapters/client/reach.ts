import { UploadError } from "./errors.ts";
import { Transient } from "./retry.ts";

/** The longest time for a probe, in milliseconds. */
const PROBE_TIMEOUT = 10_000;

/** A gateway that restarts, and a captive portal, end within this time, in milliseconds. */
const OUTAGE = 45_000;

/** The origins that have answered as a service or a store does: they are there, and let pages in. */
const known = new Set<string>();

/** Notes that an answer from this address was read. */
export const noteAnswer = (url: string): unknown => known.add(new URL(url).origin);

/** An answer of something else than the service, such as a captive portal. */
export const strange = (service: string, error: UploadError): Transient =>
  new Transient("network", ({ isLast, silence }) =>
    isLast || (silence >= OUTAGE && !known.has(new URL(service).origin)) ? error : undefined,
  );

/**
 * A request that was not answered. A page is not told why, so it asks without reading the answer
 * (mode `no-cors`): where that works, only the permission for its origin is missing.
 */
export const unanswered = (options: {
  /** The address of the service. */
  readonly service: string;
  /** The URL at the store, if the request went there. */
  readonly store?: string;
  /** Is true if some of the body was sent, which comes after any permission. */
  readonly hasSent: boolean;
}): Transient =>
  new Transient("network", async ({ isLast, silence }) => {
    const { service, store, hasSent } = options;
    const { origin } = new URL(store ?? service);
    // Requests of a page to other origins need their permission.
    const mayBeCors =
      globalThis.document !== undefined &&
      !hasSent &&
      !known.has(origin) &&
      origin !== location.origin;
    if (!isLast && !(mayBeCors && silence >= OUTAGE)) return undefined;
    const isServiceThere = await answers(`${service}/healthz`);
    if (mayBeCors && (store === undefined ? isServiceThere : await answers(origin))) {
      return new UploadError(
        "cors",
        `${origin} accepts no requests from pages of ${location.origin}. Add that origin to ${store === undefined ? "CORS_ORIGINS" : "the bucket's CORS rules"}.`,
      );
    }
    if (!isLast) return undefined;
    return isServiceThere && store !== undefined
      ? new UploadError(
          "unreachable",
          `The service answers, but the store at ${origin} does not. Check that it can be reached from here.`,
        )
      : new UploadError(
          "offline",
          `${service} does not answer. Check the network connection, then try again.`,
        );
  });

const answers = async (url: string): Promise<boolean> => {
  try {
    await fetch(url, {
      method: "HEAD",
      mode: "no-cors",
      credentials: "omit",
      signal: AbortSignal.timeout(PROBE_TIMEOUT),
    });
    return true;
  } catch {
    return false;
  }
};
