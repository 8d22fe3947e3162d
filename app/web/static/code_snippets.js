/** The call for what one has just done, in three languages, to copy. */

import { el, find } from "./dom.js";
import { fitserve } from "./service.js";

const ELSEWHERE = "FITSERVE_KEY"; // the key itself is never shown

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const LANGUAGES = {
  curl({ method, path, json, file, fields = {} }) {
    const key = fitserve.key ? `-H "Authorization: Bearer $${ELSEWHERE}" ` : "";
    const implied = method === (json || file ? "POST" : "GET");
    const form = Object.entries({ file: `@${file}`, ...fields }).map(
      ([name, value]) => `-F ${quoted(`${name}=${value}`)} `,
    );
    const body = json
      ? `-H "Content-Type: application/json" -d ${quoted(JSON.stringify(json))} `
      : file
        ? form.join("")
        : "";
    return `curl ${implied ? "" : `-X ${method} `}${key}${body}"${fitserve.base}${path}"`;
  },
  python({ method, path, json, file, fields }) {
    const key = fitserve.key ? `, headers={"Authorization": f"Bearer {os.environ['${ELSEWHERE}']}"}` : "";
    const form = `${fields ? `, data=${pythonic(fields)}` : ""}, files={"file": open(${JSON.stringify(file)}, "rb")}`;
    const body = json ? `, json=${pythonic(json)}` : file ? form : "";
    const imports = key ? "import os\n\nimport requests" : "import requests";
    const call = `requests.${method.toLowerCase()}("${fitserve.base}${path}"${body}${key})`;
    return `${imports}\n\nanswer = ${call}\nprint(answer.text)`;
  },
  javascript({ javascript, file }) {
    const key = fitserve.key ? `, { key: prompt("Key?") }` : "";
    return [
      `import { Fitserve } from "${fitserve.base}/static/fitserve.js";`,
      "",
      `const fitserve = new Fitserve("${fitserve.base}"${key});`,
      ...(file ? [`const [file] = document.querySelector("input[type=file]").files;`] : []),
      `console.log(await fitserve.${javascript});`,
    ].join("\n");
  },
};

let shownCall;
let language = "curl";

/** A value as Python writes it. */
function pythonic(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}: ${pythonic(one)}`)
    .join(", ")}}`;
}

/** Show how the same is asked for without the page. */
export function showSnippet(call) {
  shownCall = call;
  find("#call").hidden = false;
  find("#call code").textContent = LANGUAGES[language](shownCall);
}

/** Into the clipboard; by the older way where the page came over plain HTTP and browsers offer no other. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const place = el("textarea", { value: text });
  document.body.append(place);
  place.select();
  document.execCommand("copy");
  place.remove();
}

/** A button that copies; `text` gives what. */
export function copyOnClick(button, text) {
  button.onclick = async () => {
    await copy(text());
    const mark = el("span", { className: "copied", ariaHidden: "true" }, " ✓");
    button.append(mark);
    setTimeout(() => mark.remove(), 1500);
  };
}

export function startSnippets() {
  const tabs = document.querySelectorAll("#call [data-language]");
  for (const tab of tabs) {
    tab.onclick = () => {
      language = tab.dataset.language;
      for (const other of tabs) other.ariaPressed = String(other === tab);
      showSnippet(shownCall);
    };
  }
  copyOnClick(find("#call .copy"), () => find("#call code").textContent);
}
