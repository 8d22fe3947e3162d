/** The call for what one has just done, in three languages, to copy. */

import { el, find } from "./dom.js";

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const LANGUAGES = {
  curl({ method, path, json, file }) {
    const verb = method === "GET" || ((json || file) && method === "POST") ? "" : `-X ${method} `;
    const body = json
      ? `-H "Content-Type: application/json" -d ${quoted(JSON.stringify(json))} `
      : file
        ? `-F file=@${file} `
        : "";
    return `curl ${verb}${body}"${location.origin}${path}"`;
  },
  python({ method, path, json, file }) {
    const body = json ? `, json=${pythonic(json)}` : file ? `, files={"file": open("${file}", "rb")}` : "";
    return `import requests\n\nprint(requests.${method.toLowerCase()}("${location.origin}${path}"${body}).json())`;
  },
  javascript({ javascript }) {
    return [
      `import { Fitserve } from "${location.origin}/static/fitserve.js";`,
      "",
      `const fitserve = new Fitserve("${location.origin}");`,
      `console.log(await fitserve.${javascript});`,
    ].join("\n");
  },
};

/** JSON as Python writes it. */
function pythonic(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${pythonic(one)}`).join(", ")}}`;
}

/** Show how the same is asked for without the page. */
export function tell(call) {
  const section = find("#call");
  section.hidden = false;
  for (const [language, write] of Object.entries(LANGUAGES)) {
    find(`[data-language=${language}] code`, section).textContent = write(call);
  }
}

/** A button that copies; `text` gives what. */
export function copies(button, text) {
  button.onclick = async () => {
    await navigator.clipboard.writeText(text());
    const mark = el("span", { className: "copied", ariaHidden: "true" }, " ✓");
    button.append(mark);
    setTimeout(() => mark.remove(), 1500);
  };
}

export function startCalls() {
  for (const block of document.querySelectorAll("[data-language]")) {
    copies(find("button", block), () => find("code", block).textContent);
  }
}
