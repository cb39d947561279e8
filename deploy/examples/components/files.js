/** Lists files in a section of a page: opens them, copies links to them, and removes them. */
export function showFiles(section, list) {
  section.tabIndex = -1;
  section.ariaLabel = "Files";
  section.innerHTML = `
    <p class="spoken" aria-live="polite"></p>
    <ul></ul>
    <div class="rest"><p></p><button type="button"></button></div>`;
  const find = (selector) => section.querySelector(selector);
  const [spoken, all, text, button] = [".spoken", "ul", ".rest p", ".rest button"].map(find);
  const rows = new Map();

  /** Focuses the first of the files that come, unless the person has gone elsewhere. */
  button.addEventListener("click", async () => {
    const last = all.lastElementChild;
    await list.read().button?.act?.();
    if (![button, document.body].includes(document.activeElement)) return;
    const next = last ? last.nextElementSibling : all.firstElementChild;
    next?.querySelector(".open").focus();
  });

  function show() {
    const state = list.read();
    section.className = `uploads files ${state.status}`;
    section.ariaBusy = state.status === "loading";
    if (spoken.textContent !== state.spoken) spoken.textContent = state.spoken;
    text.textContent = state.text;
    button.hidden = state.button === undefined;
    button.textContent = state.button?.label ?? "";
    button.ariaDisabled = state.button?.act === undefined;
    for (const [id, { row }] of rows) {
      if (state.files.some((file) => file.id === id)) continue;
      row.remove();
      rows.delete(id);
    }
    for (const [place, file] of state.files.entries()) {
      if (!rows.has(file.id)) rows.set(file.id, makeRow(section));
      const { row, fill } = rows.get(file.id);
      fill(file);
      if (all.children[place] !== row) all.insertBefore(row, all.children[place] ?? null);
    }
    // Or the place of files that come would not be shown.
    if (rows.size === 0) all.replaceChildren();
  }

  show();
  list.subscribe(show);
}

const ICON = `<svg viewBox="0 0 24 24" aria-hidden="true"><path /></svg>`;

const ROW = `
  <li>
    <img alt="" loading="lazy" hidden />
    <i aria-hidden="true"></i>
    <div>
      <button type="button" class="open"><bdi></bdi></button>
      <p></p>
    </div>
    <button type="button" class="copy">${ICON}</button>
    <button type="button" class="remove">${ICON}</button>
    <div class="question" role="group" hidden>
      <span></span>
      <button type="button" class="confirm"></button>
      <button type="button" class="keep"></button>
    </div>
  </li>`;

function makeRow(section) {
  const template = document.createElement("template");
  template.innerHTML = ROW.trim();
  const row = template.content.firstChild;
  const find = (selector) => row.querySelector(selector);
  const names = ["img", "i", "bdi", "p", ".open", ".copy", ".remove"];
  const [picture, extension, name, facts, open, copy, remove] = names.map(find);
  const [question, confirm, keep] = [".question", ".confirm", ".keep"].map(find);
  let file;
  /** Takes a question back, and focuses the button that asked it. */
  const takeBack = () => {
    if (file.status !== "asking") return;
    remove.focus();
    file.question.keep.act();
  };
  picture.addEventListener("error", () => file.onThumbnailError());
  open.addEventListener("click", () => file.open.act());
  copy.addEventListener("click", () => file.copy.act());
  remove.addEventListener("click", () => file.remove.act());
  keep.addEventListener("click", takeBack);
  row.addEventListener("keydown", ({ key }) => key === "Escape" && takeBack());
  confirm.addEventListener("click", () => {
    // Focuses the row that takes its place, or the section if none is left.
    const next = row.nextElementSibling ?? row.previousElementSibling;
    (next?.querySelector(".remove") ?? section).focus();
    file.question.confirm.act();
  });

  function fill(next) {
    file = next;
    const isAsking = file.status === "asking";
    row.className = file.status;
    picture.hidden = file.thumbnail === undefined;
    extension.hidden = !picture.hidden;
    if (file.thumbnail && picture.src !== file.thumbnail) picture.src = file.thumbnail;
    extension.textContent = file.extension;
    name.textContent = name.title = file.name;
    facts.replaceChildren(
      ...(file.text ? [file.text] : [element("span", file.size), element("time", file.date)]),
    );
    for (const [button, { label }] of [
      [open, file.open],
      [copy, file.copy],
      [remove, file.remove],
      [confirm, file.question.confirm],
      [keep, file.question.keep],
    ])
      button.ariaLabel = label;
    for (const button of [copy, remove])
      button.querySelector("path").setAttribute("d", file[button.className].icon);
    remove.ariaExpanded = isAsking;
    find(".question span").textContent = question.ariaLabel = file.question.text;
    confirm.textContent = file.question.confirm.text;
    keep.textContent = file.question.keep.text;
    const isNew = question.hidden && isAsking;
    question.hidden = !isAsking;
    if (isNew) keep.focus();
  }
  return { row, fill };
}

const element = (name, textContent) => Object.assign(document.createElement(name), { textContent });
