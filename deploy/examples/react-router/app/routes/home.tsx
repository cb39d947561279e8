import { useState } from "react";
import { useLoaderData, useRevalidator } from "react-router";
import { createClient } from "valetkey/client";
import { createFiles } from "valetkey/files";
import { useFiles } from "valetkey/react";
import { Files } from "../components/Files";
import { Uploads } from "../components/Uploads";
import { userOf } from "../users.server";

export const loader = ({ request }: { request: Request }) => userOf(request.headers.get("cookie"));

/** Takes files of whoever is signed in. */
export default function Home() {
  const user = useLoaderData<typeof loader>();
  return (
    <main>
      <h1>Your files</h1>
      {user === undefined ? <SignIn /> : <YourFiles {...user} />}
    </main>
  );
}

/** Stands for your own way to sign in. */
function SignIn() {
  const { revalidate } = useRevalidator();
  const [refusal, setRefusal] = useState("");
  async function signIn() {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/login", { method: "POST", headers, body: '{"name":"ann"}' });
    if (answer.ok) await revalidate();
    else setRefusal(await answer.text());
  }
  return (
    <>
      <button onClick={signIn}>Sign in as ann</button>
      <p role="alert">{refusal}</p>
    </>
  );
}

function YourFiles({ id, organization }: { readonly id: string; readonly organization: string }) {
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
