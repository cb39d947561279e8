import { createClient, type UploadError } from "valetkey/client";

const find = <E extends Element>(selector: string) => document.querySelector<E>(selector) as E;
const input = find<HTMLInputElement>("#files");
const form = find<HTMLFormElement>("#sign-in");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ name: new FormData(form).get("name") });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/login", { method: "POST", headers, body });
  find("#sign-in output").textContent = answer.ok ? "" : await answer.text();
  await begin();
});
await begin();

/** Lets the person upload who is signed in. */
async function begin() {
  const answer = await fetch("/me");
  if (!answer.ok) return;
  const { organization } = await answer.json();
  // No token: the page is of the same origin, and its cookie says who calls.
  const client = createClient({ endpoint: location.origin, organization });
  form.hidden = true;
  input.disabled = false;
  const policy = (await client.policies()).find(({ name }) => name === "files");
  input.accept = policy?.allowedTypes.join() ?? "";
  input.addEventListener("change", () => {
    const rows = new Map<Blob, ReturnType<typeof showFile>>();
    for (const file of input.files ?? []) rows.set(file, showFile(file.name));
    input.value = "";
    const { uploads } = client.uploadAll(rows.keys(), {
      onFileProgress: (file, { percent, retrying }) =>
        rows.get(file)?.show(percent, retrying?.reason),
    });
    for (const [index, row] of [...rows.values()].entries()) {
      const task = uploads[index];
      row.cancel.addEventListener("click", () => task?.abort());
      task
        ?.then(
          ({ fileUrl }) => row.link(fileUrl),
          ({ userMessage }: UploadError) => row.show(0, userMessage),
        )
        .finally(() => row.cancel.remove());
    }
  });
}

/** Adds a file to the list. */
function showFile(name: string) {
  const row = document.createElement("li");
  const bar = Object.assign(document.createElement("progress"), { max: 100, value: 0 });
  bar.setAttribute("aria-label", `Progress of ${name}`);
  const cancel = Object.assign(document.createElement("button"), { textContent: "Cancel" });
  cancel.setAttribute("aria-label", `Cancel ${name}`);
  const told = document.createElement("output");
  row.append(`${name} `, bar, " ", cancel, " ", told);
  find("#uploads").append(row);
  return {
    cancel,
    show: (percent: number, text = "") => {
      bar.value = percent;
      told.textContent = text;
    },
    link: (href: string) =>
      told.replaceChildren(
        Object.assign(document.createElement("a"), { href, textContent: "Open" }),
      ),
  };
}
