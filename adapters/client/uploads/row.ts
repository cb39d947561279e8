import {
  sizeInWords,
  type UploadError,
  type UploadProgress,
  type UploadResult,
} from "../client.ts";

/** A file that was added, with its upload. */
export interface Upload<Data = unknown> extends UploadRow {
  /** Stays the same, as the `key` of a list does. */
  readonly id: number;
  readonly file: Blob;
  /** The name of the file, after those of its folders if it was dropped or chosen with one. */
  readonly name: string;
  /** The address of an image for an `<img>` of a page, until it is removed. */
  readonly preview?: string | undefined;
  /** `queued`: it waits for `start()`. */
  readonly status: "queued" | "uploading" | "paused" | "done" | "failed";
  readonly progress?: UploadProgress | undefined;
  /** Present once it is `done`. */
  readonly result?: UploadResult<Data> | undefined;
  /** Present if it has `failed`. */
  readonly error?: UploadError | undefined;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Uploads the file again, from where it was left. */
  readonly retry: () => void;
  /** Takes the file off the list; an upload under way is aborted. */
  readonly remove: () => void;
}

/** An upload as a row shows it, apart from `progress`. */
export interface UploadRow {
  /** Its status in words, for screen readers: it changes with the status alone. */
  readonly spoken: string;
  /** `spoken`, or what the upload is waiting for. */
  readonly text: string;
  /** The size of the file in words, as it was chosen. */
  readonly size: string;
  /** 0 to 100: of the preparation while that lasts, then of the upload. */
  readonly percent: number;
  /** Its first button, which stays the same one: without `act` it shows the status only. */
  readonly button: {
    readonly label: string;
    /** Strokes in a box of 24 by 24, for the `d` of an SVG path. */
    readonly icon: string;
    readonly act: (() => void) | undefined;
  };
}

/** The words of a list, and the sentence for a failure; replace them to translate the list. */
const WORDS = {
  queued: "Waiting",
  uploading: "Uploading",
  paused: "Paused",
  done: "Uploaded",
  failed: ({ userMessage }: UploadError): string => userMessage,
  /** Shown in place of `uploading`. */
  preparing: "Preparing",
  network: "Reconnecting",
  offline: "Waiting for a connection",
  scanning: "Being checked",
  /** Names of buttons; the name of the file follows. */
  pause: "Pause",
  resume: "Resume",
  retry: "Try again:",
};
export type UploadWords = typeof WORDS;

/** The icon of each status, and what its button does. */
const BUTTONS = {
  queued: ["M6 12h.01M12 12h.01M18 12h.01"],
  uploading: ["M9 7v10M15 7v10", "pause"],
  paused: ["m9 7 8 5-8 5z", "resume"],
  failed: ["M18 8a7 7 0 1 0 1 5M18 4v4h-4", "retry"],
  done: ["m6 13 4 4 8-9"],
} as const;

/** Returns an upload in words. */
export function rowOf(
  upload: Omit<Upload, keyof UploadRow>,
  words: Partial<UploadWords> = {},
): UploadRow {
  const { name, file, status, error, progress } = upload;
  const all = { ...WORDS, ...words };
  const spoken = status === "failed" ? all.failed(error as UploadError) : all[status];
  const { preparing, percent = 0, retrying } = progress ?? {};
  const reason = preparing === undefined ? retrying?.reason : "preparing";
  const wait = (["preparing", "network", "offline", "scanning"] as const).find(
    (each) => status === "uploading" && each === reason,
  );
  const [icon, act] = BUTTONS[status];
  return {
    spoken,
    text: wait ? all[wait] : spoken,
    size: sizeInWords(file.size),
    percent: preparing ?? percent,
    button: { label: `${act ? all[act] : `${spoken}:`} ${name}`, icon, act: act && upload[act] },
  };
}
