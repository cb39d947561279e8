import { createFileRoute, useRouter } from "@tanstack/react-router";
import { createServerFn } from "@tanstack/react-start";
import { getRequestHeader } from "@tanstack/react-start/server";
import { useState } from "react";
import { createClient } from "valetkey/client";
import { createFiles } from "valetkey/files";
import { useFiles } from "valetkey/react";
import { Files } from "../components/Files.tsx";
import { Uploads } from "../components/Uploads.tsx";
import { userOf } from "../users.ts";

const signedIn = createServerFn().handler(() => {
  const user = userOf(getRequestHeader("cookie"));
  return user && { id: user.id, organization: user.organization };
});

export const Route = createFileRoute("/")({ loader: () => signedIn(), component: Home });

/** Takes files of whoever is signed in. */
function Home() {
  const user = Route.useLoaderData();
  return (
    <main>
      <h1>Your files</h1>
      {user === undefined ? <SignIn /> : <YourFiles {...user} />}
    </main>
  );
}

/** Stands for your own way to sign in. */
function SignIn() {
  const router = useRouter();
  const [refusal, setRefusal] = useState("");
  async function signIn() {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/login", { method: "POST", headers, body: '{"name":"ann"}' });
    if (answer.ok) await router.invalidate();
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
