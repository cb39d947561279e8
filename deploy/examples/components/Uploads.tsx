"use client";

import { type ChangeEvent, type MouseEvent, useEffect, useRef, useState } from "react";
import { type Client, dropTarget, pasteTarget, sizeInWords } from "valetkey/client";
import { type Upload, type UploadsOptions, useUploads } from "valetkey/react";
import "./uploads.css";

export interface UploadsProps extends UploadsOptions {
  readonly client: Client;
  /** Shows a button to choose a folder. */
  readonly folders?: boolean;
}

/** Takes files that are dropped, pasted or chosen, and lists their uploads. */
export function Uploads({ client, folders, ...options }: UploadsProps) {
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

  function choose({ target }: ChangeEvent<HTMLInputElement>) {
    add(target.files ?? []);
    target.value = "";
  }

  const done = uploads.filter(({ status }) => status === "done").length;
  return (
    <section className="uploads" aria-label="Uploads" ref={section}>
      <label className={isOver ? "drop over" : "drop"}>
        <input type="file" multiple accept={accept} onChange={choose} />
        <Icon path="M12 16V5m-5 5 5-5 5 5M5 19h14" />
        <span>
          <b>Choose files</b>
          <span className="mouse">, drop or paste them here</span>
        </span>
        {maxSize !== undefined && <small>Up to {sizeInWords(maxSize)} each</small>}
      </label>
      {folders && (
        <label className="folder">
          <input type="file" {...{ webkitdirectory: "" }} onChange={choose} />
          <b>Choose a folder</b>
        </label>
      )}
      <div className="spoken" aria-live="polite">
        {uploads.map((upload) => (
          <p key={upload.id}>{`${upload.name}: ${upload.spoken}`}</p>
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
          const { id, name, status, preview, text, size, percent, button } = upload;
          return (
            <li key={id} className={status}>
              {preview ? <img src={preview} alt="" /> : <i aria-hidden>{name.split(".").pop()}</i>}
              <div>
                <bdi title={name}>{name}</bdi>
                <p>
                  <span>{text}</span>
                  {status !== "failed" && <span>{size}</span>}
                  {/uploading|paused/.test(status) && <span className="percent">{percent}%</span>}
                </p>
                <progress aria-label={name} max={100} value={percent} />
              </div>
              <button
                type="button"
                aria-label={button.label}
                aria-disabled={button.act === undefined}
                onClick={button.act}
              >
                <Icon path={button.icon} />
              </button>
              <button
                type="button"
                className="remove"
                aria-label={`Remove ${name}`}
                onClick={(event) => remove(event, upload)}
              >
                <Icon path="m7 7 10 10M17 7 7 17" />
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
