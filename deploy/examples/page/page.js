import { createClient } from "valetkey/client";
import { showUploads } from "./uploads.js";

const [who, signIn, uploads] = ["who", "sign-in", "uploads"].map((id) =>
  document.getElementById(id),
);

// Stands for your own way to sign in.
signIn.addEventListener("click", async () => {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/login", { method: "POST", headers, body: '{"name":"ann"}' });
  if (answer.ok) await begin();
  else who.textContent = await answer.text();
});
await begin();

/** Shows the page to whoever is signed in. */
async function begin() {
  const answer = await fetch("/me");
  signIn.hidden = answer.ok;
  uploads.hidden = !answer.ok;
  if (!answer.ok) return;
  const { id, organization } = await answer.json();
  who.textContent = `${id} of ${organization}`;
  // No token: the page is of the same origin, and its cookie says who calls.
  const client = createClient({ endpoint: "/", organization });
  showUploads(uploads, client);
}
