"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { createClient } from "valetkey/client";
import { useUploads } from "valetkey/react";

export function UploadForm({ organization }: { readonly organization: string }) {
  const router = useRouter();
  // No token: the page is of the same origin, and its cookie says who calls.
  const [client] = useState(() => createClient({ endpoint: "/", organization }));
  const { uploads, accept, add } = useUploads(client, { onDone: () => router.refresh() });
  return (
    <>
      <label>
        Add files{" "}
        <input
          type="file"
          multiple
          accept={accept}
          onChange={({ target }) => {
            add(target.files ?? []);
            target.value = "";
          }}
        />
      </label>
      <ul>
        {uploads.map(({ id, file, status, progress, error, ...upload }) => {
          const { name } = file as File;
          return (
            <li key={id}>
              {name}{" "}
              <progress
                aria-label={`Progress of ${name}`}
                max={100}
                value={progress?.percent ?? 0}
              />
              {status === "failed" && (
                <button aria-label={`Try ${name} again`} onClick={upload.retry}>
                  Try again
                </button>
              )}
              <button aria-label={`Remove ${name}`} onClick={upload.remove}>
                Remove
              </button>
              <output>{error?.userMessage ?? progress?.retrying?.reason ?? status}</output>
            </li>
          );
        })}
      </ul>
    </>
  );
}
