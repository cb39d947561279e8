import { UploadError } from "./errors.ts";
import { Transient } from "./retry.ts";

/** The longest time for a probe, in milliseconds. */
const PROBE_TIMEOUT = 10_000;

/** Longest usual outage, such as the restart of a gateway, in milliseconds. */
const OUTAGE = 45_000;

/** Origins that have answered as a service or a store does, and so allow this page's requests. */
const known = new Set<string>();

/** Origins whose last probe was answered in a way that the page cannot read. */
const suspected = new Set<string>();

export const noteAnswer = (url: string): unknown => known.add(new URL(url).origin);

/** Returns the failure for an answer of something else, such as a captive portal. */
export const strange = (service: string, error: UploadError): Transient =>
  new Transient("network", ({ isLast, silence }) =>
    isLast || (silence >= OUTAGE && !known.has(new URL(service).origin)) ? error : undefined,
  );

/**
 * Returns the failure of a request to the service, or to a URL at the store. A page cannot read the
 * reason, so it sends a probe whose answer it cannot read (mode `no-cors`): if that works, only the
 * permission for its origin is missing.
 */
export const unanswered = (service: string, store?: string): Transient =>
  new Transient("network", async ({ isLast, silence }) => {
    const { origin } = new URL(store ?? service);
    // Requests of a page to other origins need their permission.
    const mayBeCors =
      globalThis.document !== undefined && !known.has(origin) && origin !== location.origin;
    if (!isLast && !(mayBeCors && silence >= OUTAGE)) return undefined;
    const isServiceThere = await answers(`${service}/healthz`);
    const isThere = mayBeCors && (store ? await answers(origin) : isServiceThere);
    if (isThere) {
      // A network that comes back between an attempt and its probe looks the same, once.
      if (!isLast && !suspected.has(origin)) return void suspected.add(origin);
      const message = `${origin} accepts no requests from pages of ${location.origin}. Add that origin to ${store === undefined ? "CORS_ORIGINS" : "the bucket's CORS rules"}.`;
      return new UploadError("cors", message);
    }
    suspected.delete(origin);
    if (!isLast) return undefined;
    if (isServiceThere && store !== undefined) {
      const message = `The service answers, but the store at ${origin} does not. Check that it can be reached from here.`;
      return new UploadError("unreachable", message);
    }
    const message = `${service} does not answer. Check the network connection, then try again.`;
    return new UploadError("offline", message);
  });

const answers = async (url: string): Promise<boolean> => {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT);
  try {
    await fetch(url, { method: "HEAD", mode: "no-cors", credentials: "omit", signal });
    return true;
  } catch {
    return false;
  }
};
