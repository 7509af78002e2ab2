// /verify/ with scripts: a receipt that is dropped, chosen or pasted is checked here, in this window.
// The keys are fetched once, when the page opens; after that nothing is asked and nothing is sent.
import { examine, publishedKeys, spelled } from "./verify.js";

const data = JSON.parse(document.getElementById("verify-data").textContent);
const form = document.querySelector("[data-verify]");
const result = document.querySelector("[data-verify-result]");
const part = (name) => result.querySelector(`[data-verify-${name}]`);
const keys = fetched(form.dataset.keys);

async function fetched(address) {
  try {
    const answer = await fetch(address, { credentials: "omit" });
    if (!answer.ok) return null;
    return publishedKeys(await answer.text());
  } catch {
    return null; // told by the second check: without keys, the one inside the receipt is used
  }
}

function sentence({ code, values }) {
  return data.says[code].replace(/\{(\w+)\}/g, (_whole, name) => spelled(values[name]));
}

function line(finding) {
  const item = document.createElement("li");
  item.className = `pub-check-${finding.state}`;
  const words = document.createElement("span");
  words.textContent = sentence(finding);
  const mark = document.querySelector(`[data-verify-mark="${finding.state}"]`);
  item.append(mark.content.cloneNode(true), " ", words);
  return item;
}

// A signed value for reading: a line per entry of a list, the values of an object in a row.
function inWords(value) {
  if (value === null) return data.nothing;
  if (Array.isArray(value)) return value.map(inWords).join("\n");
  if (typeof value === "object") return Object.values(value).map(inWords).join(" · ");
  return String(value);
}

function row([name, value]) {
  const whole = document.createElement("div");
  const [term, said] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = data.names[name] ?? name;
  said.className = "pub-break jb-prose";
  said.textContent = inWords(value);
  if (/[\u3400-\u9fff]/.test(said.textContent)) said.lang = "zh-Hans";
  whole.append(term, said);
  return whole;
}

async function check(text, name) {
  const { findings, verdict, signed } = examine(text, await keys);
  part("verdict").textContent = data.verdicts[verdict];
  part("name").textContent = name;
  part("lines").replaceChildren(...findings.map(line));
  part("statement").hidden = signed === null;
  part("values").replaceChildren(...Object.entries(signed ?? {}).map(row));
  result.hidden = false;
  part("verdict").focus();
}

async function checkFile(file) {
  if (!file) return;
  if (file.size > data.largest) return complain(data.too_large);
  await check(await file.text(), file.name);
}

function complain(text) {
  part("verdict").textContent = text;
  for (const name of ["lines", "values", "name"]) part(name).replaceChildren();
  part("statement").hidden = true;
  result.hidden = false;
  part("verdict").focus();
}

const [file, pasted] = [form.elements.file, form.elements.pasted];
form.querySelector("[data-verify-drop]").hidden = false;
file.addEventListener("change", () => checkFile(file.files[0]));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (pasted.value.trim()) await check(pasted.value, "");
  else if (file.files[0]) await checkFile(file.files[0]);
  else complain(data.choose);
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("pub-dropping");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) form.classList.remove("pub-dropping");
});
document.addEventListener("drop", (event) => {
  form.classList.remove("pub-dropping");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  checkFile(event.dataTransfer.files[0]);
});
