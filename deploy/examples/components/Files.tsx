"use client";

import { type MouseEvent, useRef } from "react";
import type { ListedFile, ListedFiles } from "valetkey/react";
import "./uploads.css";
import "./files.css";

/** Lists files, opens them, copies links to them, and removes them once a question is answered. */
export function Files({ list }: { readonly list: ListedFiles }) {
  const { files, status, text, button, spoken } = list;
  const section = useRef<HTMLElement>(null);

  /** Focuses the row that takes the place of the removed one, or the section if none is left. */
  function remove({ currentTarget }: MouseEvent, { question }: ListedFile) {
    const row = currentTarget.closest("li");
    const next = row?.nextElementSibling ?? row?.previousElementSibling;
    (next?.querySelector<HTMLElement>(".remove") ?? section.current)?.focus();
    question.confirm.act();
  }

  /** Focuses the first of the files that come, unless the person has gone elsewhere. */
  async function more({ currentTarget: self }: MouseEvent) {
    const last = section.current?.querySelector("li:last-child");
    await button?.act?.();
    const { activeElement, body } = document;
    if (activeElement !== self && activeElement !== body) return;
    const next = last ? last.nextElementSibling : section.current?.querySelector("li");
    next?.querySelector<HTMLElement>(".open")?.focus();
  }

  return (
    <section
      className={`uploads files ${status}`}
      aria-label="Files"
      aria-busy={status === "loading"}
      tabIndex={-1}
      ref={section}
    >
      <p className="spoken" aria-live="polite">
        {spoken}
      </p>
      <ul>
        {files.map((file) => {
          const { id, name, thumbnail, extension, open, copy, question } = file;
          const isAsking = file.status === "asking";
          return (
            <li
              key={id}
              className={file.status}
              onKeyDown={(event) => event.key === "Escape" && isAsking && keep(event, file)}
            >
              {thumbnail ? (
                <img src={thumbnail} alt="" loading="lazy" onError={file.onThumbnailError} />
              ) : (
                <i aria-hidden>{extension}</i>
              )}
              <div>
                <button type="button" className="open" aria-label={open.label} onClick={open.act}>
                  <bdi title={name}>{name}</bdi>
                </button>
                {file.text ? (
                  <p>{file.text}</p>
                ) : (
                  <p>
                    <span>{file.size}</span>
                    <time dateTime={file.file.storedAt.toISOString()}>{file.date}</time>
                  </p>
                )}
              </div>
              <button type="button" className="copy" aria-label={copy.label} onClick={copy.act}>
                <Icon path={copy.icon} />
              </button>
              <button
                type="button"
                className="remove"
                aria-label={file.remove.label}
                aria-expanded={isAsking}
                onClick={file.remove.act}
              >
                <Icon path={file.remove.icon} />
              </button>
              {isAsking && (
                <div className="question" role="group" aria-label={question.text}>
                  <span>{question.text}</span>
                  <button
                    type="button"
                    className="confirm"
                    aria-label={question.confirm.label}
                    onClick={(event) => remove(event, file)}
                  >
                    {question.confirm.text}
                  </button>
                  <button
                    type="button"
                    aria-label={question.keep.label}
                    onClick={(event) => keep(event, file)}
                    autoFocus
                  >
                    {question.keep.text}
                  </button>
                </div>
              )}
            </li>
          );
        })}
      </ul>
      <div className="rest">
        <p>{text}</p>
        {button && (
          <button type="button" aria-disabled={button.act === undefined} onClick={more}>
            {button.label}
          </button>
        )}
      </div>
    </section>
  );
}

/** Takes a question back, and focuses the button that asked it. */
function keep({ currentTarget }: { readonly currentTarget: Element }, { question }: ListedFile) {
  currentTarget.closest("li")?.querySelector<HTMLElement>(".remove")?.focus();
  question.keep.act();
}

const Icon = ({ path }: { readonly path: string }) => (
  <svg viewBox="0 0 24 24" aria-hidden>
    <path d={path} />
  </svg>
);
