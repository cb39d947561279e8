import { UploadError } from "./errors.ts";
import { Transient } from "./retry.ts";

/** How long an address may take to show that something is there, in milliseconds. */
const PROBE_TIMEOUT = 10_000;

/**
 * A request that was not answered. A page is not told why, so it asks without reading the answer
 * (mode `no-cors`): where that works, only the permission for its origin is missing.
 */
export const unanswered = (options: {
  /** The address of the service. */
  readonly service: string;
  /** The URL at the store, if the request went there. */
  readonly store?: string;
  /** Whether some of the body was sent, which comes after any permission. */
  readonly hasSent: boolean;
}): Transient =>
  new Transient("network", async (failures, isLast) => {
    const { service, store, hasSent } = options;
    const { origin } = new URL(store ?? service);
    // Requests of a page to other origins need their permission.
    const mayBeCors = globalThis.document !== undefined && !hasSent && origin !== location.origin;
    // Once or twice can be a connection that broke.
    if (!isLast && !(mayBeCors && failures === 3)) return undefined;
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
