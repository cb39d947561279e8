import { UploadError } from "./errors.ts";
import { Transient } from "./retry.ts";

/** The longest time for a probe, in milliseconds. */
const PROBE_TIMEOUT = 10_000;

/** Longest usual outage, such as the restart of a gateway, in milliseconds. */
const OUTAGE = 45_000;

/** Origins that have answered as a service or a store does, and so allow this page's requests. */
const known = new Set<string>();

/** Origins a probe of which was answered in a way that the page cannot read. */
const suspected = new Set<string>();

export const noteAnswer = (url: string): unknown => known.add(new URL(url).origin);

/** Returns the failure for an answer of something else, such as a captive portal. */
export const strange = (service: string, error: UploadError): Transient =>
  new Transient("network", ({ isLast, silence }) =>
    isLast || (silence >= OUTAGE && !known.has(new URL(service).origin)) ? error : undefined,
  );

/**
 * Returns the failure of a request to the service, or to a URL at the store. A page cannot read the
 * reason, so it sends probes: one to a path of the service that every page may read, which nothing
 * else answers in its place, and one whose answer no page can read (mode `no-cors`). If both are
 * answered, only the permission for its origin is missing.
 */
export const unanswered = (service: string, store?: string): Transient =>
  new Transient("network", async ({ isLast, silence }) => {
    const { origin } = new URL(store ?? service);
    // Requests of a page to other origins need their permission.
    const mayBeCors = !!globalThis.document && !known.has(origin) && origin !== location.origin;
    if (!isLast && !(mayBeCors && silence >= OUTAGE)) return undefined;
    // A proxy may not pass that path on: in the end any answer will do.
    const isServiceThere = await answers(`${service}/healthz`, isLast ? "no-cors" : "cors");
    if (mayBeCors && isServiceThere && (!store || (await answers(origin, "no-cors")))) {
      // A network that comes back between an attempt and its probe looks the same, once.
      if (!isLast && !suspected.has(origin)) return void suspected.add(origin);
      const message = `${origin} accepts no requests from pages of ${location.origin}. Add that origin to ${store ? "the bucket's CORS rules" : "CORS_ORIGINS"}.`;
      return new UploadError("cors", message);
    }
    if (!isLast) return undefined;
    return isServiceThere && store
      ? new UploadError(
          "unreachable",
          `The service answers, but the store at ${origin} does not. Check that it can be reached.`,
        )
      : new UploadError(
          "offline",
          `${service} does not answer. Check the network connection, then try again.`,
        );
  });

const answers = (url: string, mode: RequestMode): Promise<boolean> =>
  fetch(url, {
    method: "HEAD",
    mode,
    credentials: "omit",
    signal: AbortSignal.timeout(PROBE_TIMEOUT),
  }).then(
    () => true,
    () => false,
  );
