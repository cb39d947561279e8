import { createClient } from "valetkey/client";
import { createFiles, makeFileList } from "valetkey/files";
import { showFiles } from "./files.js";
import { showUploads } from "./uploads.js";

const [who, signIn, uploads, files] = ["who", "sign-in", "uploads", "files"].map((id) =>
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
  uploads.hidden = files.hidden = !answer.ok;
  if (!answer.ok) return;
  const { id, organization } = await answer.json();
  who.textContent = `${id} of ${organization}`;
  // No token: the page is of the same origin, and its cookie says who calls.
  const service = { endpoint: "/", organization };
  const list = makeFileList(createFiles(service), { mine: true, details: true, width: 128 });
  showUploads(uploads, createClient(service), { onDone: list.read().add });
  showFiles(files, list);
}
