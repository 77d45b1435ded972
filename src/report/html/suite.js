const trials = data.trials;
const groups = new Map();
for (const one of trials) {
  const all = one.trial.verdict ? one.trial.verdict.findings.filter((judged) => judged.status === "failing") : [];
  for (const anomaly of new Set(all.map((judged) => judged.finding.anomaly + " at " + judged.finding.place))) {
    groups.set(anomaly, [...(groups.get(anomaly) || []), one]);
  }
}
const link = (one) => one.page ? make("a", { href: one.page }, one.trial.name) : one.trial.name;
function first(trial) {
  if (trial.sentence) return trial.sentence;
  if (!trial.verdict) return "";
  const failing = trial.verdict.findings.find((judged) => judged.status === "failing");
  if (failing) return failing.finding.anomaly + " at " + failing.finding.place + ": " + failing.finding.sentence;
  if (trial.verdict.unmet.length) return trial.verdict.unmet[0].sentence;
  if (trial.verdict.gaps.length) return "undecided: " + trial.verdict.gaps[0].what;
  return trial.verdict.warnings[0] || "";
}
const rank = (trial) => trial.exit === "pass" ? 2 : trial.exit === "anomaly" ? 0 : 1;
const state = { text: "", exit: "" };
const body = make("div", {});
function show() {
  const fits = (one) => (!state.exit || one.trial.exit === state.exit) && (one.trial.name + " " + one.trial.title + " " + one.trial.covers.join(" ")).toLowerCase().includes(state.text);
  const kept = trials.filter(fits).sort((a, b) => rank(a.trial) - rank(b.trial));
  body.replaceChildren(table(plural(kept.length, "trial"), ["verdict", "trial", "what it says", "#time"], kept.map((one) =>
    [badge(one.trial), [link(one), make("div.soft", {}, one.trial.title)], said(first(one.trial)), one.trial.elapsed_ms === null ? "" : (one.trial.elapsed_ms / 1000).toFixed(1) + " s"]), "cards"));
}
const counts = new Map();
for (const one of trials) counts.set(one.trial.exit, (counts.get(one.trial.exit) || 0) + 1);
const sections = [];
if (groups.size) sections.push(section("findings", "Findings over all trials", table(null, ["finding", "#trials", "where"], [...groups].sort((a, b) => b[1].length - a[1].length).map(([name, all]) =>
  [make("code", {}, name), "" + all.length, all.slice(0, 8).flatMap((one, n) => [n ? ", " : "", link(one)]).concat(all.length > 8 ? [" and " + (all.length - 8) + " more"] : [])]), "cards")));
sections.push(section("trials", "Trials", make("div.bar.controls", {}, make("label", { for: "filter" }, "Filter"),
  make("input", { id: "filter", type: "search", placeholder: "name, title or label", oninput: (event) => { state.text = event.target.value.toLowerCase(); show(); } }),
  make("select", { "aria-label": "Verdict", onchange: (event) => { state.exit = event.target.value; show(); } }, make("option", { value: "" }, "all"), [...counts.keys()].map((exit) => make("option", { value: exit }, (EXITS[exit] || [exit])[0])))), body));
show();
const versions = trials.length ? Object.entries(trials[0].trial.versions).map(([name, version]) => name + " " + version).join(", ") : "";
document.title = "changeproof: " + plural(trials.length, "trial");
document.body.append(make("header.top", {}, make("div.bar", {}, make("h1.grow", {}, plural(trials.length, "trial")), themes()),
  make("p.bar", {}, [...counts].map(([exit, n]) => make("span.badge." + (EXITS[exit] || ["", "doubt"])[1], {}, n + " " + (EXITS[exit] || [exit])[0]))),
  make("p.soft", {}, "changeproof " + data.changeproof + (versions ? " · " + versions : ""))), make("main", {}, sections));
