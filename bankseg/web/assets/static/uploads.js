// Files may be dropped on the form, and those chosen are named before they are sent; without this the plain field does.
const drop = document.querySelector("form.drop");
const field_of_files = drop?.querySelector("input[type=file]");

function name_files() {
  const list = drop.querySelector(".chosen");
  list.replaceChildren(...Array.from(field_of_files.files, (file) => {
    const item = document.createElement("li");
    item.textContent = `${file.name} · ${Math.max(1, Math.round(file.size / 1024)).toLocaleString(document.documentElement.lang)} KiB`;
    return item;
  }));
}

if (drop) {
  field_of_files.addEventListener("change", name_files);
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length === 0) return;
    field_of_files.files = event.dataTransfer.files;
    name_files();
  });
}
