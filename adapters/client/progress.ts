import type { RetryState } from "./run.ts";

/** The progress of an upload. */
export interface UploadProgress {
  /** Bytes that have been sent: fewer than before only on a retry, and all once it is confirmed. */
  readonly sent: number;
  readonly total: number;
  /** 0 to 100, in whole numbers; 100 once the upload is confirmed. */
  readonly percent: number;
  /** Present while `prepare` works on the file: 0 to 100. `total` is known once it is done. */
  readonly preparing?: number | undefined;
  /** Present if something is sent again, or will be. */
  readonly retrying?: RetryState | undefined;
  /** Present if the file is sent in parts. */
  readonly parts?: { readonly done: number; readonly total: number } | undefined;
}

export type Tally = ReturnType<typeof makeTally>;

/** Makes a tally of `total` bytes, of which at most `most` count before it is finished. */
export function makeTally(
  total: number,
  onProgress: ((progress: UploadProgress) => void) | undefined,
  most = total - 1,
) {
  const sentBy = new Map<number, number>();
  const mostBy = new Map<number, number>();
  const broken = new Map<number, RetryState>();
  let sum = 0;
  let shown = 0;
  let parts: UploadProgress["parts"];
  let preparing: number | undefined;
  const set = (part: number, bytes: number) => {
    sum += bytes - (sentBy.get(part) ?? 0);
    sentBy.set(part, bytes);
  };
  const show = (retrying?: RetryState) => {
    shown = Math.min(most, retrying === undefined ? Math.max(sum, shown) : sum);
    const percent = Math.floor((shown / total) * 100);
    try {
      onProgress?.({ sent: shown, total, percent, preparing, retrying, parts });
    } catch (cause) {
      // Reported as the platform reports an error of an event listener.
      queueMicrotask(() => {
        throw cause;
      });
    }
  };
  return {
    show,
    /** Counts what was sent of a part; returns true if that is more than ever before. */
    sent: (part: number, bytes: number): boolean => {
      const isMore = bytes > (mostBy.get(part) ?? 0);
      if (isMore) mostBy.set(part, bytes);
      let retrying: RetryState | undefined;
      if (bytes > 0) {
        if (bytes < (sentBy.get(part) ?? 0)) retrying = broken.get(part);
        broken.delete(part);
        set(part, bytes);
      }
      show(retrying);
      return isMore;
    },
    /** Shows a retry. The lost bytes are subtracted once sending starts again. */
    retry: (part: number, retrying: RetryState) => {
      broken.set(part, retrying);
      show(retrying);
    },
    add: set,
    preparing: (percent: number) => {
      preparing = Math.floor(Math.min(100, Math.max(0, percent)));
      show();
    },
    /** Takes another total, such as that of a prepared file. */
    resize: (next: number) => {
      most += next - total;
      total = next;
      preparing = undefined;
    },
    finish: () => {
      sum = most = total;
      show();
    },
    restart: (reason: RetryState["reason"] = "expired") => {
      sentBy.clear();
      mostBy.clear();
      sum = 0;
      show({ attempt: 1, delay: 0, reason });
    },
    showParts: (next: UploadProgress["parts"]) => {
      parts = next;
      show();
    },
  };
}
