const trial = data.trial, verdict = trial.verdict, seen = data.observed;
const findings = verdict ? verdict.findings : [];
const status = (judged) => typeof judged.status === "string" ? judged.status : "allowed";
const ORDER = { failing: 0, demanded: 1, allowed: 2, witness: 3 };

function position(at) {
  if (!at) return null;
  return at.file ? at.file + " row " + at.offset : at.topic + "[" + at.partition + "]@" + at.offset;
}
const short = (at) => at.file ? at.file + " row " + at.offset : "[" + at.partition + "]@" + at.offset;

/** The life of a key: one column a hop; a change and the record that carries it side by side. */
function life(finding) {
  const hops = [];
  for (const one of finding.life) if (!hops.includes(one.hop)) hops.push(one.hop);
  const accused = finding.statement ? finding.place : (finding.first_hop || "").split(" → ").pop();
  if (accused && !accused.includes(", ") && !hops.includes(accused)) hops.push(accused);
  const rows = [];
  hops.forEach((hop, column) => {
    let next = 0;
    for (const one of finding.life.filter((one) => one.hop === hop)) {
      const same = (row) => row.slice(0, column).some((other) => other && other.lsn && other.lsn === one.lsn && other.xid === one.xid);
      let at = -1;
      if (one.event === "null") at = -1;
      else if (one.event === "r" || !one.lsn) at = next < rows.length && column > 0 ? next : -1;
      else for (let n = next; n < rows.length; n++) if (same(rows[n])) { at = n; break; }
      if (at < 0) { rows.splice(next, 0, new Array(hops.length).fill(null)); at = next; }
      rows[at][column] = one;
      next = at + 1;
    }
  });
  const cell = (one, n) => {
    if (!one) return make("td.empty", {}, "");
    const place = one.record ? short(one.record) : "commit " + lsn(one.commit);
    return make("td" + (one.marked ? ".marked" : ""), {},
      make("div.mono", {}, make("strong", {}, (one.marked ? "▶ " : "") + one.event + " "), place, one.xid ? " xid " + one.xid : "", one.record && one.lsn ? " lsn " + lsn(one.lsn) : ""),
      make("div.mono.soft", {}, one.row));
  };
  if (!hops.length) return null;
  const body = rows.length ? rows.map((row) => row.map(cell)) : [hops.map((hop) => make("td.empty", {}, "nothing"))];
  return table("The life of key " + (finding.key ?? "") + ", hop by hop; ▶ marks what the finding is about", hops, body, "life");
}
function difference(lines, caption) {
  if (!lines || !lines.length) return null;
  const value = (text) => text === null || text === undefined ? make("span.soft", {}, "nothing") : make("code", {}, text);
  return table(caption || "What differs", ["column", "expected", "captured"], lines.map((line) =>
    [line.column ?? "the row", value(line.expected), value(line.captured)]));
}
function explained(anomaly) {
  const text = data.explained[anomaly];
  if (!text) return null;
  return make("details", {}, make("summary", {}, "What " + anomaly + " means"),
    facts([["definition", said(text.definition)], ["why it matters", said(text.why)], ["usual cause", said(text.cause)], ["fix", said(text.mend)]]));
}
function oneFinding(judged) {
  const tone = status(judged) === "failing" ? "" : ".calm";
  const finding = judged.finding, is = status(judged);
  const because = is === "allowed" ? "allowed: " + judged.status.allowed : { failing: "fails the run", demanded: "demanded, and found", witness: "a witness" }[is];
  const show = finding.key !== null && seen ? make("button.controls", { type: "button", onclick: () => { lanes.choose(finding.key); location.hash = "timeline"; } }, "show this key on the timeline") : null;
  return make("article.finding." + is + tone, {},
    make("h3", {}, make("code", {}, finding.anomaly), " at ", make("code", {}, finding.place), finding.key !== null ? [" · key ", make("code", {}, finding.key)] : ""),
    make("p", {}, said(finding.sentence)),
    facts([["status", said(because)], ["first wrong hop", finding.first_hop], ["record", position(finding.record)],
      ["judged against", finding.position ? "commit " + lsn(finding.position.commit) + ", change " + finding.position.index : null], ["statement", finding.statement]]),
    difference(finding.difference), finding.life.length || finding.statement ? life(finding) : null, explained(finding.anomaly), show);
}
function verdictSection() {
  const lines = [];
  const list = (title, tone, items) => items && items.length ? lines.push(make("h3", {}, title), make("ul." + tone, {}, items.map((item) => make("li", {}, Array.isArray(item) ? item : said(item))))) : null;
  if (trial.sentence) lines.push(make("p", {}, said(trial.sentence)), make("p.soft", {}, "This says nothing about the pipeline."));
  list("Problems in the files", "bad", trial.diagnostics.map((one) => (one.code ? one.code + ": " : "") + one.message + (one.place ? " (" + one.place.file + ":" + one.place.line + ":" + one.place.column + ")" : "")));
  list("Left behind", "bad", trial.leftovers);
  if (verdict) {
    list("Not met", "bad", verdict.unmet.map((unmet) => [said(unmet.demand + ": " + unmet.sentence + (unmet.at ? " (" + unmet.at + ")" : "")), difference(unmet.difference)]));
    list("Undecided", "doubt", verdict.gaps.map((gap) => gap.what + " — missing evidence: " + gap.missing));
    list("Warnings", "doubt", verdict.warnings);
    list("Not judged", "soft", verdict.not_judged);
    const figures = Object.entries(verdict.figures);
    if (figures.length) lines.push(make("h3", {}, "What was looked at"), make("p", {}, figures.map(([name, n]) => figure(n, name)).join(" · ")));
    const failing = findings.filter((judged) => status(judged) === "failing").length;
    if (failing) lines.unshift(make("p", {}, plural(failing, "finding") + (failing === 1 ? " fails" : " fail") + " the run."));
    else if (verdict.control) lines.unshift(make("p", {}, "The fault that the scenario demands was found, and nothing else that it does not allow."));
    else if (!verdict.unmet.length && !verdict.gaps.length) lines.unshift(make("p", {}, "Nothing was found that the scenario does not allow."));
  }
  return section("verdict", "Verdict", lines);
}
function findingsSection() {
  const sorted = [...findings].sort((a, b) => ORDER[status(a)] - ORDER[status(b)]);
  const groups = new Map();
  for (const judged of sorted) {
    const like = [judged.finding.anomaly, judged.finding.place, status(judged)].join(" ");
    groups.set(like, [...(groups.get(like) || []), judged]);
  }
  const shown = [...groups.values()].map(([first, ...rest]) => {
    const { anomaly, place } = first.finding;
    const more = rest.length ? make("details", {}, make("summary", {}, rest.length.toLocaleString("en") + " more like this: " + anomaly + " at " + place)) : null;
    if (more) more.addEventListener("toggle", () => { if (more.open && more.childElementCount === 1) more.append(...rest.map(oneFinding)); });
    return [oneFinding(first), more];
  });
  return section("findings", "Findings (" + sorted.length + ")", shown);
}

/** The pipeline: a column for the journal, one for the topics, one for each depth of statements. */
function pipelineSection() {
  const depth = {}, hops = seen.hops, by = Object.fromEntries(hops.map((hop) => [hop.name, hop]));
  const deep = (name, path) => depth[name] ?? (path.includes(name) ? 2 : depth[name] = by[name].kind === "journal" ? 0 : by[name].kind === "topic" ? 1
    : 1 + Math.max(1, ...by[name].reads.filter((read) => by[read]).map((read) => deep(read, [...path, name]))));
  hops.forEach((hop) => deep(hop.name, []));
  const failing = findings.filter((judged) => status(judged) === "failing" && judged.finding.first_hop);
  const first = failing.length ? failing[0].finding.first_hop : null;
  const [from, to] = first ? first.split(" → ") : [null, null];
  const wrong = (hop) => to !== null && hop.name === to;
  const columns = [];
  hops.forEach((hop) => (columns[depth[hop.name]] ??= []).push(hop));
  const WIDE = 250, GAP = 70, HIGH = 50, STEP = 68, INDENT = 24, at = {};
  const narrow = window.innerWidth < 640;
  const most = Math.max(...columns.map((column) => column ? column.length : 0));
  // In a narrow window the hops stand below each other, indented by their depth.
  if (narrow) columns.flat().forEach((hop, y) => { at[hop.name] = [2 + depth[hop.name] * INDENT, 2 + y * STEP]; });
  else columns.forEach((column, x) => (column || []).forEach((hop, y) => {
    at[hop.name] = [2 + x * (WIDE + GAP), 2 + y * STEP + (most - column.length) * STEP / 2];
  }));
  const [width, height] = narrow ? [columns.length * INDENT + WIDE, hops.length * STEP + 4] : [columns.length * (WIDE + GAP) - GAP + 4, most * STEP + 4];
  const line = ([x1, y1], [x2, y2]) => narrow ? `M${x1 + INDENT / 2},${y1 + HIGH} V${y2 + HIGH / 2} H${x2}`
    : `M${x1 + WIDE},${y1 + HIGH / 2} C${x1 + WIDE + GAP / 2},${y1 + HIGH / 2} ${x2 - GAP / 2},${y2 + HIGH / 2} ${x2},${y2 + HIGH / 2}`;
  const edges = hops.flatMap((hop) => hop.reads.filter((read) => at[read]).map((read) => {
    const bad = wrong(hop) && from !== null && from.split(", ").includes(read);
    return draw("path.edge" + (bad ? ".wrong" : ""), { d: line(at[read], at[hop.name]) });
  }));
  const cut = (text) => text.length > 32 ? text.slice(0, 15) + "…" + text.slice(-16) : text;
  const boxes = hops.map((hop) => {
    const [x, y] = at[hop.name], noun = hop.kind === "journal" ? "change" : "record";
    return draw("g.hop" + (wrong(hop) ? ".wrong" : ""), {}, draw("title", {}, hop.name),
      draw("rect", { x, y, width: WIDE, height: HIGH, rx: 8 }),
      draw("text", { x: x + 12, y: y + 21 }, cut(hop.kind === "journal" ? "Postgres (journal)" : hop.name)),
      draw("text.soft", { x: x + 12, y: y + 39 }, plural(hop.seen, noun) + (hop.unjudged ? " · not judged" : "") + (wrong(hop) ? " · first wrong hop" : "")));
  });
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, style: `min-width:${Math.round(width * .75)}px`, role: "img", "aria-label": "The pipeline, from Postgres to the sinks" }, edges, boxes);
  return section("pipeline", "Pipeline", first ? make("p", {}, "First wrong hop: ", make("strong.bad", {}, first)) : null,
    make("div.scroll", { tabindex: 0, role: "region", "aria-label": "Pipeline" }, picture));
}

const TONES = { change: "--c1", record: "--c2", commit: "--good", abort: "--doubt", entry: "--c3", fault: "--bad", proof: "--c4", trouble: "--bad", connector: "--soft", end: "--soft" };
const WORDS = { change: "change in the journal", record: "record or row", commit: "commit acknowledged", abort: "roll-back", entry: "entry of the timeline", fault: "fault", proof: "proof", trouble: "trouble", connector: "connector", end: "end of the run" };

/** All that was seen, in lanes over time or over its order; a chosen key stands out. */
class Lanes {
  constructor() {
    this.all = seen.sightings;
    this.timed = this.all.length > 0 && this.all.every((one) => one.at_us !== undefined);
    const names = seen.hops.map((hop) => hop.name), used = new Set(this.all.map((one) => one.lane));
    const before = [...used].filter((lane) => !names.includes(lane) && !["run", "proofs"].includes(lane)).sort();
    this.lanes = [...before, ...names, ...["proofs", "run"].filter((lane) => used.has(lane))];
    this.row = new Map(this.lanes.map((lane, n) => [lane, n]));
    this.byTime = this.timed; this.key = ""; this.picked = null; this.first = 0;
    this.marked = new Set(findings.filter((one) => status(one) === "failing" && one.finding.record).map((one) => position(one.finding.record)));
    this.canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": "Timeline. Arrow keys move, plus and minus zoom, Enter picks the next event; the table below has all events." });
    this.what = make("div#what.mono", { "aria-live": "polite" }); this.what.id = "what"; this.what.className = "mono";
    this.list = make("div", {});
    this.reset(); this.filter();
    const resized = new ResizeObserver(() => this.paint());
    resized.observe(this.canvas);
    window.addEventListener("theme", () => this.paint());
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    this.listen();
  }
  x(n) { return this.byTime ? this.all[n].at_us : n; }
  reset() {
    const last = Math.max(1, this.all.length - 1);
    [this.low, this.high] = this.byTime ? [this.x(0), Math.max(this.x(0) + 1, ...this.ends())] : [0, last];
    [this.from, this.to] = [this.low, this.high];
  }
  ends() { let most = 0; for (const one of this.all) if (one.at_us > most) most = one.at_us; return [most]; }
  fits(one) {
    if (!this.key) return true;
    if (one.what !== "change" && one.what !== "record") return false;
    return one.key === this.key || (one.text || "").includes(this.key);
  }
  filter() {
    this.kept = [];
    this.all.forEach((one, n) => { if (this.fits(one)) this.kept.push(n); });
    this.first = 0; this.showList();
  }
  choose(key) { this.key = key; if (this.input) this.input.value = key; this.filter(); this.paint(); }
  zoom(by, around) {
    const middle = around ?? (this.from + this.to) / 2, least = this.byTime ? 10 : 2;
    let wide = Math.min(this.high - this.low, Math.max(least, (this.to - this.from) * by));
    const part = (middle - this.from) / (this.to - this.from || 1);
    this.move(middle - part * wide, wide);
  }
  move(from, wide = this.to - this.from) {
    this.from = Math.min(Math.max(this.low, from), this.high - wide); this.to = this.from + wide; this.paint();
  }
  tall() { return this.lanes.length * 24 + 26; }
  left() { return Math.min(190, this.canvas.clientWidth * .34); }
  place(n) {
    const left = this.left(), wide = this.canvas.clientWidth - left - 12;
    return [left + (this.x(n) - this.from) / (this.to - this.from || 1) * wide, this.row.get(this.all[n].lane) * 24 + 13];
  }
  paint() {
    const canvas = this.canvas, ratio = window.devicePixelRatio || 1, [wide, tall] = [canvas.clientWidth, this.tall()];
    if (!wide) return;
    canvas.style.height = tall + "px"; canvas.width = wide * ratio; canvas.height = tall * ratio;
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement), tone = (name) => style.getPropertyValue(name).trim();
    pen.scale(ratio, ratio); pen.font = "12px system-ui, 'DejaVu Sans', sans-serif"; pen.textBaseline = "middle";
    const left = this.left();
    this.lanes.forEach((lane, n) => {
      if (n % 2) { pen.fillStyle = tone("--track"); pen.fillRect(0, n * 24 + 1, wide, 24); }
      pen.fillStyle = tone("--ink"); let text = lane;
      while (text.length > 4 && pen.measureText(text).width > left - 16) text = text.slice(0, Math.ceil(text.length / 2) - 2) + "…" + text.slice(-(Math.floor(text.length / 2) - 1));
      pen.fillText(text, 8, n * 24 + 13);
    });
    pen.save(); pen.beginPath(); pen.rect(left - 4, 0, wide - left + 4, tall); pen.clip();
    const drawn = new Set(), tones = {};
    for (const name of Object.values(TONES)) tones[name] = tone(name);
    const dot = (n, radius) => {
      const [x, y] = this.place(n);
      if (x < left - 5 || x > wide + 5) return;
      const spot = this.all.length > 4000 ? Math.round(x * 2) + ":" + y + ":" + this.all[n].what : null;
      if (spot && radius < 5) { if (drawn.has(spot)) return; drawn.add(spot); }
      pen.fillStyle = tones[TONES[this.all[n].what]];
      pen.beginPath();
      if (["fault", "proof", "trouble"].includes(this.all[n].what)) pen.rect(x - 2, y - 9, 4, 18); else pen.arc(x, y, radius, 0, 7);
      pen.fill();
    };
    if (this.key) { pen.globalAlpha = .16; this.all.forEach((one, n) => { if (!this.fits(one)) dot(n, 3); }); pen.globalAlpha = 1; }
    for (const n of this.kept) dot(n, this.key ? 5 : 3.6);
    pen.strokeStyle = tone("--bad"); pen.lineWidth = 2;
    this.all.forEach((one, n) => { if (one.record && this.marked.has(position(one.record))) { const [x, y] = this.place(n); pen.beginPath(); pen.arc(x, y, 7, 0, 7); pen.stroke(); } });
    if (this.picked !== null) { const [x, y] = this.place(this.picked); pen.strokeStyle = tone("--ink"); pen.beginPath(); pen.arc(x, y, 9, 0, 7); pen.stroke(); }
    pen.restore();
    pen.fillStyle = tone("--soft");
    const ticks = Math.max(2, Math.min(8, Math.floor((wide - left) / 110)));
    for (let n = 0; n <= ticks; n++) {
      const value = this.from + (this.to - this.from) * n / ticks, x = left + (wide - left - 12) * n / ticks;
      pen.textAlign = n === ticks ? "right" : n ? "center" : "left";
      pen.fillText(this.byTime ? duration(Math.round(value)) : "#" + Math.round(value), x, tall - 11);
    }
  }
  nearest(px, py) {
    let best = null, least = 14 * 14;
    for (const n of this.kept) {
      const [x, y] = this.place(n), far = (x - px) ** 2 + (y - py) ** 2;
      if (far < least) { least = far; best = n; }
    }
    return best;
  }
  describe(n) {
    const one = this.all[n];
    const words = one.entry !== undefined && data.timeline[one.entry] ? " · " + data.timeline[one.entry] : "";
    return [make("strong", {}, WORDS[one.what] + (one.event ? " " + one.event : "")), " at ", one.lane, one.at_us !== undefined ? " · " + duration(one.at_us) : "", " · #" + n,
      one.key !== undefined ? " · key " + one.key : "", one.xid ? " · xid " + one.xid : "", one.lsn ? " · lsn " + lsn(one.lsn) : "", one.record ? " · " + position(one.record) : "",
      make("div.soft", {}, (one.text || "") + words)];
  }
  pick(n, look) {
    this.picked = n;
    this.what.replaceChildren(...(n === null ? ["Pick an event to see it whole."] : this.describe(n)));
    if (n !== null && look) { const x = this.x(n); if (x < this.from || x > this.to) this.move(x - (this.to - this.from) / 2); }
    this.paint();
  }
  listen() {
    let held = null;
    const canvas = this.canvas, per = () => (this.to - this.from) / Math.max(1, canvas.clientWidth - this.left() - 12);
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      this.zoom(event.deltaY > 0 || event.deltaX > 0 ? 1.25 : .8, this.from + (event.offsetX - this.left()) * per());
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => { held = [event.offsetX, this.from, false]; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      if (Math.abs(event.offsetX - held[0]) > 3) held[2] = true;
      if (held[2]) this.move(held[1] - (event.offsetX - held[0]) * per());
    });
    canvas.addEventListener("pointerup", (event) => { if (held && !held[2]) this.pick(this.nearest(event.offsetX, event.offsetY)); held = null; });
    canvas.addEventListener("keydown", (event) => {
      const step = (this.to - this.from) / 8;
      const at = this.picked === null ? -1 : this.kept.findIndex((n) => n >= this.picked);
      const go = (n) => { const next = this.kept[Math.min(this.kept.length - 1, Math.max(0, n))]; if (next !== undefined) this.pick(next, true); };
      const keys = { ArrowLeft: () => this.move(this.from - step), ArrowRight: () => this.move(this.from + step), "+": () => this.zoom(.7), "=": () => this.zoom(.7),
        "-": () => this.zoom(1.4), "0": () => { this.reset(); this.paint(); }, Enter: () => go(at + 1), Backspace: () => go(at - 1), Escape: () => this.pick(null) };
      if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    });
  }
  showList() {
    const PAGE = 60, rows = this.kept.slice(this.first, this.first + PAGE);
    const turn = (by) => { this.first = Math.max(0, this.first + by); this.showList(); };
    const cell = (tone, head, text) => make("td" + tone, { "data-head": head }, text);
    const row = (n) => { const one = this.all[n]; return make("tr.pick", { tabindex: 0, onclick: () => this.pick(n, true), onkeydown: (event) => { if (event.key === "Enter") this.pick(n, true); } },
      cell(".num", "no.", "" + n), this.timed ? cell(".num", "time", duration(one.at_us)) : null, cell("", "where", one.lane), cell("", "what", WORDS[one.what] + (one.event ? " " + one.event : "")),
      cell(".mono", "key", one.key ?? ""), cell(".mono", "position", one.record ? short(one.record) : lsn(one.lsn) ?? ""),
      cell(".mono", "row", one.text || (one.entry !== undefined ? data.timeline[one.entry] || "" : ""))); };
    const upto = Math.min(this.kept.length, this.first + PAGE);
    this.list.replaceChildren(make("div.bar.controls", {},
      make("span.soft", {}, this.kept.length ? `events ${this.first + 1} to ${upto} of ${this.kept.length.toLocaleString("en")}` : "no event fits"),
      make("button", { type: "button", disabled: this.first === 0, onclick: () => turn(-PAGE) }, "earlier"),
      make("button", { type: "button", disabled: upto >= this.kept.length, onclick: () => turn(PAGE) }, "later")),
      table("Events in the order in which they were recorded", ["#no.", ...(this.timed ? ["#time"] : []), "where", "what", "key", "position", "row"], rows.map(row), "cards"));
  }
  section() {
    this.input = make("input", { type: "search", id: "key", placeholder: "a key, or part of a row", oninput: (event) => this.choose(event.target.value.trim()) });
    const button = (label, title, act) => make("button", { type: "button", title, "aria-label": title, onclick: act }, label);
    const axis = make("select", { "aria-label": "Axis", onchange: (event) => { this.byTime = event.target.value === "time"; this.reset(); this.paint(); } },
      this.timed ? make("option", { value: "time" }, "by time") : null, make("option", { value: "order" }, "by order"));
    const kinds = [...new Set(this.all.map((one) => one.what))];
    const legend = make("p", {}, kinds.map((kind) => make("span.key", {}, make("span.dot", { style: "background:var(" + TONES[kind] + ")" }), WORDS[kind])));
    this.pick(null);
    return section("timeline", "Timeline", make("div.bar.controls", {}, make("label", { for: "key" }, "Key"), this.input, axis,
      button("+", "zoom in", () => this.zoom(.7)), button("−", "zoom out", () => this.zoom(1.4)), button("⟲", "show all", () => { this.reset(); this.paint(); }),
      make("span.soft", {}, "drag to move; Ctrl and the wheel zoom")), legend, fill(make("div"), { id: "lanes" }, [this.canvas]), this.what, make("details", { open: true }, make("summary", {}, "All events"), this.list));
  }
}

function latencySection() {
  const all = data.latencies, W = 420, H = 26;
  const most = Math.max(...all.map((one) => one.worst_us), 10), least = Math.max(1, Math.min(...all.map((one) => one.times_us[0])));
  const x = (us) => 6 + (W - 12) * (Math.log(Math.max(us, least)) - Math.log(least)) / (Math.log(most) - Math.log(least) || 1);
  const strip = (one) => {
    const step = Math.max(1, Math.floor(one.times_us.length / 400));
    const dots = one.times_us.filter((_, n) => n % step === 0 || n === one.times_us.length - 1).map((us) => draw("circle", { cx: x(us), cy: H / 2, r: 3, fill: "var(--c2)", "fill-opacity": .35 }));
    const mark = (us, tone) => draw("line", { x1: x(us), x2: x(us), y1: 3, y2: H - 3, stroke: "var(" + tone + ")", "stroke-width": 2 });
    return draw("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": `${one.hop}: half within ${duration(one.p50_us)}, the slowest ${duration(one.worst_us)}` },
      draw("line", { x1: 6, x2: W - 6, y1: H / 2, y2: H / 2, stroke: "var(--line)" }), dots, mark(one.p50_us, "--good"), mark(one.p99_us, "--doubt"), mark(one.worst_us, "--bad"));
  };
  return section("latency", "Latency", table("From the commit to each hop, as this run saw it; logarithmic, with p50 (green), p99 (amber) and the slowest (red)",
    ["hop", "#rows", "#p50", "#p99", "#slowest", "distribution"], all.map((one) => [[one.hop, make("div.soft", {}, one.measured)], one.times_us.length.toLocaleString("en"), duration(one.p50_us), duration(one.p99_us), duration(one.worst_us), strip(one)]), "cards"));
}
function proofsSection() {
  const ends = (proof) => Object.entries(proof.ends).map(([topic, ends]) => topic + " " + ends.map(([low, high], n) => `[${n}] ${low} to ${high}`).join(", ")).join("; ");
  const jobs = (proof) => proof.jobs.map((job) => job.sinks.join(", ") + ": checkpoint " + (job.committed ?? job.checkpoint)).join("; ");
  const marks = (proof) => Object.entries(proof.watermarks).map(([sink, at]) => sink + " " + (at === null ? "none" : new Date(at).toISOString())).join("; ");
  return section("proofs", "Proofs", make("p.soft", {}, "Where each proof stands, nothing committed before it could still arrive: the barrier came back, every source had delivered up to the end offsets, and a later checkpoint completed."),
    table(null, ["#proof", "barrier", "slot confirmed", "end offsets", "checkpoints", "watermarks", "#took"], data.proofs.map((proof) =>
      ["" + proof.number, lsn(proof.barrier_end), lsn(proof.confirmed), ends(proof), jobs(proof), marks(proof), proof.elapsed_ms + " ms"]), "cards"));
}
function differsSection() {
  const text = (value) => value === null || value === undefined ? make("span.soft", {}, "not set") : make("code", {}, value);
  return section("differs", "Where it differs from your files", table(null, ["part", "what", "yours", "here", "why"], verdict.differences.map((one) =>
    [said(one.part), [make("code", {}, one.key), one.at ? make("div.soft", {}, one.at.file + ":" + one.at.line) : ""], text(one.theirs), text(one.ours), said(one.why)]), "cards"));
}
function scenarioSection() {
  return section("scenario", "Scenario", make("ol", {}, data.timeline.map((entry) => make("li", {}, make("span.mono", {}, entry)))));
}
function repeatSection() {
  return section("repeat", "How to repeat it", copied(trial.command), facts([["run", data.run], ["kept in", trial.folder], ["seed", "" + trial.seed], ["stack", trial.stack],
    ["versions", Object.entries(trial.versions).map(([name, version]) => name + " " + version).join(", ")], ["changeproof", data.changeproof]]));
}

document.title = (EXITS[trial.exit] || [trial.exit])[0] + ": " + trial.name;
const lanes = seen && seen.sightings.length ? new Lanes() : null;
const sections = [verdictSection(), findings.length ? findingsSection() : null, seen ? pipelineSection() : null, lanes ? lanes.section() : null,
  data.latencies.length ? latencySection() : null, data.proofs.length ? proofsSection() : null, data.timeline.length ? scenarioSection() : null,
  verdict && verdict.differences.length ? differsSection() : null, repeatSection()].filter(Boolean);
if (data.not_shown) sections.splice(1, 0, section("not-shown", "Not shown", make("p", {}, data.not_shown)));
document.body.append(make("a.skip", { href: "#verdict" }, "Skip to the verdict"),
  make("header.top", {}, make("div.bar", {}, badge(trial), make("span.soft.grow", {}, trial.elapsed_ms !== null ? "in " + (trial.elapsed_ms / 1000).toFixed(1) + " s" : ""), themes()),
    make("h1", {}, trial.name), make("p", {}, trial.title, trial.covers.length ? make("span.soft", {}, " · covers " + trial.covers.join(", ")) : ""), contents(sections)),
  make("main", {}, sections));
if (lanes) lanes.paint();
// A picture that does not fit begins with the first wrong hop in view; the page itself stays at its top.
const accused = document.querySelector(".hop.wrong"), picture = document.querySelector("#pipeline .scroll");
if (accused && picture) picture.scrollLeft = accused.getBoundingClientRect().right - picture.getBoundingClientRect().right;
