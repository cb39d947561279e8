import {
  confirmedDecoder,
  type ConfirmOutcome,
  outcomesDecoder,
  type UploadResult,
} from "./decode.ts";
import { persist } from "./retry.ts";
import { type Run, unlessAborted } from "./run.ts";
import type { Service } from "./service.ts";

/** Confirms an upload by its receipt. */
export type Confirm = (run: Run, receipt: string) => Promise<UploadResult>;

export const confirmAlone =
  (service: Service): Confirm =>
  (run, receipt) =>
    service.ask(run, "confirm", confirmedDecoder(receipt), { receipt });

/** The most receipts that the service takes with one request. */
const MOST_RECEIPTS = 100;

/** The most requests on their way: a file that takes long does not hold all others. */
const MOST_REQUESTS = 2;

interface Waiting {
  readonly signal: AbortSignal;
  readonly receipt: string;
  readonly resolve: (outcome: ConfirmOutcome) => void;
  readonly reject: (cause: unknown) => void;
}

/** Confirms uploads that arrive while others are confirmed with one request, until `all` ends. */
export function confirmTogether(service: Service, all: Run): Confirm {
  const path = "confirm/batch";
  let waiting: Array<Waiting> = [];
  let requests = 0;
  const sendNext = async () => {
    waiting = waiting.filter(({ signal }) => !signal.aborted);
    if (requests === MOST_REQUESTS || waiting.length === 0) return;
    const batch = waiting.splice(0, MOST_RECEIPTS);
    const receipts = batch.map(({ receipt }) => receipt);
    requests += 1;
    try {
      const decode = outcomesDecoder(batch.length);
      const { uploads } = await service.send(all, all.signal, path, decode, { receipts });
      batch.forEach(({ resolve }, index) => resolve(uploads[index] ?? {}));
    } catch (cause) {
      batch.forEach(({ reject }) => reject(cause));
    }
    requests -= 1;
    void sendNext();
  };
  return (run, receipt) =>
    persist(run, async (signal) => {
      const asked = new Promise<ConfirmOutcome>((resolve, reject) => {
        waiting.push({ signal, receipt, resolve, reject });
        void sendNext();
      });
      const { file, problem, retryAfter } = await unlessAborted(signal, asked);
      const { status = 200 } = problem ?? {};
      const after = retryAfter && retryAfter * 1000;
      // The answer has come, whatever it lacks: nothing is tried again for it.
      const body = problem ?? file ?? {};
      return service.read(run, path, confirmedDecoder(receipt), { status, after, body });
    });
}
