"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";

/** Stands for your own way to sign in. */
export function SignIn() {
  const router = useRouter();
  const [refusal, setRefusal] = useState("");
  async function signIn() {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/login", { method: "POST", headers, body: '{"name":"ann"}' });
    if (answer.ok) router.refresh();
    else setRefusal(await answer.text());
  }
  return (
    <>
      <button onClick={signIn}>Sign in as ann</button>
      <p role="alert">{refusal}</p>
    </>
  );
}
