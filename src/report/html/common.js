"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
/** An element with attributes and children; text is never read as markup. */
function make(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  return fill(element, attributes, children);
}
function draw(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElementNS(SVG, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  return fill(element, attributes, children);
}
function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}
const plural = (n, word) => n.toLocaleString("en") + " " + word + (n === 1 ? "" : "s");
/** A figure and its name, which is a plural: `1 sink compared`, `2 sinks compared`. */
const figure = (n, name) => n.toLocaleString("en") + " "
  + (n === 1 ? name.split(" ").map((word) => word === "were" ? "was" : word.replace(/s$/, "")).join(" ") : name);
/** A sentence; what stands in backticks in it becomes code. */
function said(text) {
  return (text ?? "").split("`").map((part, n, all) => n % 2 === 0 ? part : n === all.length - 1 ? "`" + part : make("code", {}, part));
}
/** A position of the WAL, as Postgres writes it. */
function lsn(number) {
  if (number === null || number === undefined) return null;
  const wide = BigInt(number);
  return (wide >> 32n).toString(16).toUpperCase() + "/" + (wide & 0xffffffffn).toString(16).toUpperCase();
}
function duration(us) {
  if (us === null || us === undefined) return "";
  if (us < 1000) return us + " µs";
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + " ms";
  return (us / 1e6).toFixed(us < 1e7 ? 2 : 1) + " s";
}
const EXITS = {
  pass: ["pass", "good"], anomaly: ["fail", "bad"], unknown: ["unknown", "doubt"], nothing_run: ["not run", "doubt"],
  scenario_invalid: ["invalid", "doubt"], stack_not_up: ["stack not up", "doubt"], capture_broken: ["capture broken", "doubt"],
  interrupted: ["interrupted", "doubt"], internal: ["changeproof failed", "bad"], usage: ["usage", "doubt"],
};
function badge(trial) {
  let [word, tone] = EXITS[trial.exit] || [trial.exit, "doubt"];
  if (trial.verdict && trial.verdict.control && trial.exit === "pass") word = "pass (control)";
  return make("span.badge." + tone, {}, word);
}
function facts(pairs) {
  return make("dl.facts", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}
/** A table in a box that scrolls by itself. One named `cards` has a card for each row in a narrow window. */
function table(caption, heads, rows, name) {
  const number = (head) => head.startsWith("#");
  const word = (n) => heads[n].replace(/^#/, "");
  return make("div.scroll", {}, make("table" + (name ? "." + name : ""), {}, caption && make("caption", {}, caption),
    make("thead", {}, make("tr", {}, heads.map((head) => make(number(head) ? "th.num" : "th", { scope: "col" }, head.replace(/^#/, ""))))),
    make("tbody", {}, rows.map((row) => Array.isArray(row)
      ? make("tr", {}, row.map((cell, n) => cell instanceof HTMLTableCellElement ? cell : make(number(heads[n]) ? "td.num" : "td", { "data-head": word(n) }, cell)))
      : row))));
}
function copied(text) {
  const button = make("button", { type: "button", onclick: () => {
    navigator.clipboard?.writeText(text).then(() => { button.textContent = "copied"; setTimeout(() => { button.textContent = "copy"; }, 1500); });
  } }, "copy");
  return make("div.copy", {}, make("pre", {}, text), button);
}
function themes() {
  const root = document.documentElement;
  const choose = (theme) => { if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme; window.dispatchEvent(new Event("theme")); };
  return make("label.controls", {}, "Theme ", make("select", { onchange: (event) => choose(event.target.value) },
    ["auto", "light", "dark"].map((theme) => make("option", { value: theme }, theme))));
}
function section(id, title, ...children) {
  return make("section", { id, "aria-labelledby": id + "-title" }, make("h2", { id: id + "-title" }, title), children);
}
function contents(sections) {
  return make("nav", { "aria-label": "Sections" }, make("ul", {}, sections.map((one) =>
    make("li", {}, make("a", { href: "#" + one.id }, one.querySelector("h2").textContent)))));
}
