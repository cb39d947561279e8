import { dropTarget, pasteTarget, sizeInWords } from "valetkey/client";
import { makeUploadList } from "valetkey/uploads";

/** Takes files that are dropped, pasted or chosen, and lists their uploads, in a section of a page. */
export function showUploads(section, client, options) {
  const list = makeUploadList(client, options);
  const { add } = list.read();
  section.classList.add("uploads");
  section.ariaLabel = "Uploads";
  section.innerHTML = `
    <label class="drop">
      <input type="file" multiple />
      ${ICON}
      <span><b>Choose files</b><span class="mouse">, drop or paste them here</span></span>
      <small hidden></small>
    </label>
    <div class="spoken" aria-live="polite"></div>
    <div class="all" hidden>
      <span></span><span></span><progress aria-label="All files" max="100"></progress>
    </div>
    <ul></ul>`;
  const find = (selector) => section.querySelector(selector);
  const [input, limit, all] = [find("input"), find("small"), find(".all")];
  find("path").setAttribute("d", "M12 16V5m-5 5 5-5 5 5M5 19h14");
  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  const rows = new Map();

  function show() {
    const { uploads, progress, accept, maxSize } = list.read();
    if (accept !== undefined) input.accept = accept;
    limit.hidden = maxSize === undefined;
    limit.textContent = `Up to ${sizeInWords(maxSize ?? 0)} each`;
    const [count, percent, bar] = all.children;
    const done = uploads.filter(({ status }) => status === "done").length;
    all.hidden = uploads.length < 2;
    count.textContent = `${done} of ${uploads.length} uploaded`;
    percent.textContent = `${progress.percent}%`;
    bar.value = progress.percent;
    for (const [id, row] of rows) {
      if (uploads.some((upload) => upload.id === id)) continue;
      row.remove();
      rows.delete(id);
    }
    for (const upload of uploads) {
      if (!rows.has(upload.id)) rows.set(upload.id, addRow(section, upload));
      rows.get(upload.id).show(upload);
    }
  }

  show();
  list.subscribe(show);
  pasteTarget(document, add);
  dropTarget(section, add, (isOver) => find(".drop").classList.toggle("over", isOver));
}

const ICON = `<svg viewBox="0 0 24 24" aria-hidden="true"><path /></svg>`;

const ROW = `
  <li>
    <i aria-hidden="true"></i>
    <div>
      <bdi></bdi>
      <p><span></span><span></span><span class="percent"></span></p>
      <progress max="100"></progress>
    </div>
    <button type="button">${ICON}</button>
    <button type="button" class="remove">${ICON}</button>
  </li>`;

/** Adds an upload to the list, and what screen readers hear of it. */
function addRow(section, { name, preview, remove }) {
  const template = document.createElement("template");
  template.innerHTML = ROW.trim();
  const row = template.content.firstChild;
  const spoken = document.createElement("p");
  const find = (selector) => row.querySelector(selector);
  const [text, size, percent] = row.querySelectorAll("span");
  const [bar, button, removal] = [find("progress"), find("button"), find(".remove")];
  find("bdi").textContent = find("bdi").title = bar.ariaLabel = name;
  if (preview) find("i").replaceWith(Object.assign(new Image(), { src: preview, alt: "" }));
  else find("i").textContent = name.split(".").pop();
  let act;
  button.addEventListener("click", () => act?.());
  removal.ariaLabel = `Remove ${name}`;
  removal.querySelector("path").setAttribute("d", "m7 7 10 10M17 7 7 17");
  removal.addEventListener("click", () => {
    // Focuses the row that takes its place, or the input if none is left.
    const next = row.nextElementSibling ?? row.previousElementSibling ?? section;
    next.querySelector("input, .remove").focus();
    remove();
  });
  section.querySelector("ul").append(row);
  section.querySelector(".spoken").append(spoken);
  return {
    show: (upload) => {
      row.className = upload.status;
      text.textContent = upload.text;
      size.textContent = upload.status === "failed" ? "" : upload.size;
      percent.textContent = /uploading|paused/.test(upload.status) ? `${upload.percent}%` : "";
      bar.value = upload.percent;
      button.ariaLabel = upload.button.label;
      button.ariaDisabled = upload.button.act === undefined;
      button.querySelector("path").setAttribute("d", upload.button.icon);
      ({ act } = upload.button);
      const sentence = `${name}: ${upload.spoken}`;
      if (spoken.textContent !== sentence) spoken.textContent = sentence;
    },
    remove: () => {
      row.remove();
      spoken.remove();
    },
  };
}
