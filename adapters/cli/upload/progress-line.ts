import type { RetryState, UploadProgress } from "../../client/client.ts";
import { showProgress } from "../command/output.ts";

/** Milliseconds between two updates of the line on a terminal, and between two lines elsewhere. */
const TERMINAL_INTERVAL = 100;
const LOG_INTERVAL = 10_000;

const BAR_WIDTH = 24;

export function makeProgressLine(stream: NodeJS.WriteStream = process.stderr) {
  const startedAt = Date.now();
  const interval = stream.isTTY ? TERMINAL_INTERVAL : LOG_INTERVAL;
  let nextAt = stream.isTTY ? 0 : startedAt + LOG_INTERVAL;
  let isShown = false;
  /** Bytes of each file that were sent by an earlier run. */
  const earlier = new Map<Blob, number>();
  return {
    showFile: (file: Blob, { sent, retrying }: UploadProgress) => {
      const known = earlier.get(file) ?? (retrying ? undefined : sent);
      if (known !== undefined) earlier.set(file, Math.min(known, sent));
    },
    show: (progress: UploadProgress) => {
      const now = Date.now();
      if (now < nextAt) return;
      nextAt = now + interval;
      const sentNow = [...earlier.values()].reduce((left, sent) => left - sent, progress.sent);
      showProgress(describe(progress, sentNow, (now - startedAt) / 1000), stream);
      isShown = true;
    },
    end: () => {
      if (isShown) showProgress("", stream);
    },
  };
}

/** Formats the line; `sentNow` is the number of bytes sent in these seconds. */
function describe(progress: UploadProgress, sentNow: number, seconds: number): string {
  const { sent, total, percent, retrying } = progress;
  const filled = Math.floor((percent / 100) * BAR_WIDTH);
  const bar = `[${"#".repeat(filled).padEnd(BAR_WIDTH, "-")}]`;
  const left =
    sentNow > 0 && seconds > 1 ? `, ${inTime(((total - sent) / sentNow) * seconds)} left` : "";
  const again = retrying === undefined ? "" : `, ${inWords(retrying)}`;
  return `${bar} ${Math.floor(percent)} % of ${inUnits(total)}${left}${again}`;
}

const inWords = ({ reason }: RetryState) =>
  reason === "copying" || reason === "scanning"
    ? `${reason} what has arrived`
    : `trying again (${reason})`;

const inUnits = (bytes: number) =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 2 ** 10)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const inTime = (seconds: number) =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
