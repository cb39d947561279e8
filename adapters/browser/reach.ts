import { UploadError } from "./errors.ts";
import { Transient } from "./retry.ts";

/** How long an address may take to show that something is there, in milliseconds. */
const PROBE_TIMEOUT = 10_000;

/** Whether this is a page, whose requests to other origins need their permission. */
const isPage = () => typeof document !== "undefined" && typeof location !== "undefined";

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
  new Transient({
    reason: "network",
    verdict: async (failures, isLast) => {
      const { service, store, hasSent } = options;
      const { origin } = new URL(store ?? service);
      const mayBeCors = isPage() && !hasSent && origin !== location.origin;
      // Once or twice can be a connection that broke.
      if (!isLast && !(mayBeCors && failures === 3)) return undefined;
      const isServiceThere = await answers(`${service}/healthz`);
      const isThere = store === undefined ? isServiceThere : await answers(origin);
      if (mayBeCors && isThere) {
        return new UploadError(
          "cors",
          store === undefined
            ? `The service does not answer pages of ${location.origin}. Its operator adds this origin to CORS_ORIGINS.`
            : `The store at ${origin} takes no uploads from pages of ${location.origin}. Its operator adds this origin to the CORS rules of the bucket, with PUT and the headers of an upload.`,
        );
      }
      if (!isLast) return undefined;
      return isServiceThere && store !== undefined
        ? new UploadError(
            "unreachable",
            `The service answers, but the store at ${origin} does not. Check that it runs, and that it can be reached from here.`,
          )
        : new UploadError(
            "offline",
            `The service at ${service} does not answer. Check the network connection, then try again.`,
          );
    },
  });

async function answers(url: string): Promise<boolean> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), PROBE_TIMEOUT);
  try {
    await fetch(url, {
      method: "HEAD",
      mode: "no-cors",
      credentials: "omit",
      cache: "no-store",
      signal: timeout.signal,
    });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
