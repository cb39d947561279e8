"use client";

import { type MouseEvent, useEffect, useRef, useState } from "react";
import { type Client, dropTarget, pasteTarget } from "valetkey/client";
import { type Upload, type UploadsOptions, useUploads } from "valetkey/react";
import "./uploads.css";

/** Takes files that are dropped, pasted or chosen, and lists their uploads. */
export function Uploads({ client, ...options }: UploadsOptions & { readonly client: Client }) {
  const { uploads, progress, accept, maxSize, add } = useUploads(client, options);
  const [isOver, setIsOver] = useState(false);
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    const ends = [pasteTarget(document, add)];
    if (section.current) ends.push(dropTarget(section.current, add, setIsOver));
    return () => ends.forEach((end) => end());
  }, [add]);

  /** Focuses the row that takes the place of the removed one, or the input if none is left. */
  function remove({ currentTarget }: MouseEvent, upload: Upload) {
    const row = currentTarget.closest("li");
    const next = row?.nextElementSibling ?? row?.previousElementSibling ?? section.current;
    next?.querySelector<HTMLElement>("input, .remove")?.focus();
    upload.remove();
  }

  const done = uploads.filter(({ status }) => status === "done").length;
  return (
    <section className="uploads" aria-label="Uploads" ref={section}>
      <label className={isOver ? "drop over" : "drop"}>
        <input
          type="file"
          multiple
          accept={accept}
          onChange={({ target }) => {
            add(target.files ?? []);
            target.value = "";
          }}
        />
        <Icon path={ICONS.add} />
        <span>
          <b>Choose files</b>
          <span className="mouse">, drop or paste them here</span>
        </span>
        {maxSize !== undefined && <small>Up to {inUnits(maxSize)} each</small>}
      </label>
      <div className="spoken" aria-live="polite">
        {uploads.map((upload) => (
          <p key={upload.id}>{`${upload.name}: ${wordsFor(upload)}`}</p>
        ))}
      </div>
      {uploads.length > 1 && (
        <div className="all">
          <span>{`${done} of ${uploads.length} uploaded`}</span>
          <span>{progress.percent}%</span>
          <progress aria-label="All files" max={100} value={progress.percent} />
        </div>
      )}
      <ul>
        {uploads.map((upload) => {
          const { id, name, file, status, preview } = upload;
          const percent = upload.progress?.percent ?? 0;
          const [label, icon, act] = ACTIONS[status];
          return (
            <li key={id} className={status}>
              {preview ? <img src={preview} alt="" /> : <i aria-hidden>{name.split(".").pop()}</i>}
              <div>
                <bdi title={name}>{name}</bdi>
                <p>
                  <span>{WAITS[upload.progress?.retrying?.reason ?? ""] ?? wordsFor(upload)}</span>
                  {status !== "failed" && <span>{inUnits(file.size)}</span>}
                  {/uploading|paused/.test(status) && <span className="percent">{percent}%</span>}
                </p>
                <progress aria-label={name} max={100} value={percent} />
              </div>
              <button
                type="button"
                aria-label={`${label} ${name}`}
                aria-disabled={act === undefined}
                onClick={() => act && upload[act]()}
              >
                <Icon path={icon} />
              </button>
              <button
                type="button"
                className="remove"
                aria-label={`Remove ${name}`}
                onClick={(event) => remove(event, upload)}
              >
                <Icon path={ICONS.remove} />
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const Icon = ({ path }: { readonly path: string }) => (
  <svg viewBox="0 0 24 24" aria-hidden>
    <path d={path} />
  </svg>
);

const ICONS = { add: "M12 16V5m-5 5 5-5 5 5M5 19h14", remove: "m7 7 10 10M17 7 7 17" };

/** The first button of a row: its label, its icon and what it does. */
const ACTIONS: Record<Upload["status"], [string, string, ("pause" | "resume" | "retry")?]> = {
  queued: ["Waiting:", "M6 12h.01M12 12h.01M18 12h.01"],
  uploading: ["Pause", "M9 7v10M15 7v10", "pause"],
  paused: ["Resume", "m9 7 8 5-8 5z", "resume"],
  failed: ["Try again:", "M18 8a7 7 0 1 0 1 5M18 4v4h-4", "retry"],
  done: ["Uploaded:", "m6 13 4 4 8-9"],
};

const WORDS = { queued: "Waiting", uploading: "Uploading", paused: "Paused", done: "Uploaded" };
const WAITS: Record<string, string> = {
  network: "Reconnecting",
  offline: "Waiting for a connection",
  scanning: "Being checked",
};

/** Returns what is shown and spoken of an upload: it changes with the status alone. */
const wordsFor = ({ status, error }: Upload): string =>
  status === "failed" ? (error?.userMessage ?? "Failed") : WORDS[status];

const UNITS = ["kilobyte", "megabyte", "gigabyte"];

function inUnits(bytes: number): string {
  // As the service says its own limits.
  if (bytes % 2 ** 20 === 0) return `${(bytes / 2 ** 20).toLocaleString()} MiB`;
  const power = Math.max(1, Math.min(3, Math.floor(Math.log10(bytes) / 3)));
  const format = { style: "unit", unit: UNITS[power - 1], maximumSignificantDigits: 3 } as const;
  return (bytes / 1000 ** power).toLocaleString([], format);
}
