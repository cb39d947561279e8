"use client";

import { useState } from "react";
import { createClient } from "valetkey/client";
import { Uploads } from "../components/Uploads";

export function YourFiles({
  id,
  organization,
}: {
  readonly id: string;
  readonly organization: string;
}) {
  // No token: the page is of the same origin, and its cookie says who calls.
  const [client] = useState(() => createClient({ endpoint: "/", organization }));
  return (
    <>
      <p>
        {id} of {organization}
      </p>
      <Uploads client={client} />
    </>
  );
}
