"use client";

import { useState } from "react";
import { createClient } from "valetkey/client";
import { createFiles } from "valetkey/files";
import { useFiles } from "valetkey/react";
import { Files } from "../components/Files";
import { Uploads } from "../components/Uploads";

export function OwnFiles({
  id,
  organization,
}: {
  readonly id: string;
  readonly organization: string;
}) {
  // No token: the page is of the same origin, and its cookie says who calls.
  const [client] = useState(() => createClient({ endpoint: "/", organization }));
  const [files] = useState(() => createFiles({ endpoint: "/", organization }));
  const list = useFiles(files, { mine: true, details: true, width: 128 });
  return (
    <>
      <p>
        {id} of {organization}
      </p>
      <Uploads client={client} onDone={list.add} />
      <Files list={list} />
    </>
  );
}
