"use strict";
// Texts from the report reach the page by textContent alone; elements and attributes are ours.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);

  function make(tag, text = "", name = "") {
    const element = document.createElement(tag);
    if (text !== "") element.textContent = text;
    if (name) element.className = name;
    return element;
  }

  function within(tag, children, name = "") {
    const element = make(tag, "", name);
    element.append(...children);
    return element;
  }

  async function unpack(id) {
    const block = document.getElementById(id);
    if (!block) return null;
    const bytes = Uint8Array.from(atob(block.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  // Text of any length in a region that can be scrolled by keyboard.
  function quoted(text, name) {
    const block = make("pre", text || "(empty)");
    block.tabIndex = 0;
    block.setAttribute("role", "group");
    block.setAttribute("aria-label", name);
    return block;
  }

  // Built when it is opened for the first time.
  function foldable(line, build, open = false) {
    const details = within("details", [make("summary", line)]);
    const fill = () => {
      if (details.open && details.childElementCount === 1) details.append(...build());
    };
    details.addEventListener("toggle", fill);
    details.open = open;
    return details;
  }

  function table(name, columns, rows) {
    const heading = (text, scope) => {
      const cell = make("th", text);
      cell.scope = scope;
      return cell;
    };
    const body = rows.map((row) =>
      within("tr", row.map((text, i) => (i ? make("td", String(text)) : heading(String(text), "row"))))
    );
    const head = within("thead", [within("tr", columns.map((text) => heading(text, "col")))]);
    const region = within("div", [within("table", [head, within("tbody", body)])], "scroll");
    region.tabIndex = 0;
    region.setAttribute("role", "group");
    region.setAttribute("aria-label", name);
    return region;
  }

  function facts(pairs) {
    return within("dl", pairs.flatMap(([name, text]) => [make("dt", name), make("dd", text)]), "facts");
  }

  // --- a run's own page ---------------------------------------------------------------------

  const dialog = one("dialog");
  const title = one("h2", dialog);
  const inside = one(".inside", dialog);

  function show(heading, children) {
    title.textContent = heading;
    inside.replaceChildren(...children);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }

  function reply([line, text, beside, troubles, used]) {
    const parts = [make("h4", line), quoted(text, "Text of the reply")];
    if (beside) parts.push(foldable("Beside the answer (thinking)", () => [quoted(beside, "Thinking")]));
    const notes = troubles.map((trouble) => make("li", `attempt failed: ${trouble}`));
    for (const [status, solution] of used) {
      notes.push(make("li", solution ? `${status}: ${solution}` : status));
    }
    if (notes.length) parts.push(within("ul", notes));
    return within("div", parts, "reply");
  }

  function step(found, open) {
    return foldable(
      found.step ? `Step ${found.step}: ${found.line}` : `Start: ${found.line}`,
      () => [
        ...found.prompts.map(([line, text]) =>
          foldable(`Meta-prompt (${line})`, () => [quoted(text, "Meta-prompt")])
        ),
        ...found.replies.map(reply),
        ...(found.points.length ? [table("Points", ["point", "value", "proposed by"], found.points)] : []),
      ],
      open
    );
  }

  function pageOf(found, wanted) {
    const parts = [facts(found.facts)];
    if (found.steps) {
      parts.push(make("h3", "Steps"), ...found.steps.map((each) => step(each, each.step === wanted)));
    } else if (found.points) {
      const line = `All points in their order (${found.points.length})`;
      const columns = ["step", "point", "value", "proposed by"];
      parts.push(make("h3", "Points"), foldable(line, () => [table("Points", columns, found.points)]));
    } else {
      const hint = "The steps and replies of this run are not in this page.";
      parts.push(make("p", `${hint} To have them: opro report --format html --replies all`));
    }
    parts.push(...(found.ends || []).map((text) => make("p", text)));
    const columns = ["setting", "value", "from"];
    parts.push(make("h3", "Settings"));
    parts.push(foldable("All settings, and where each comes from", () => [table("Settings", columns, found.settings)]));
    return parts;
  }

  async function follow() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const id = wanted.get("run");
    if (id === null) {
      if (dialog.open && dialog.dataset.of === "run") dialog.close();
      return;
    }
    const link = all("table.runs tbody a").find(
      (each) => new URLSearchParams(each.hash.slice(1)).get("run") === id
    );
    dialog.dataset.of = "run";
    if (!link) {
      show("No such run", [make("p", "This page holds no run of that name.")]);
      return;
    }
    const found = await unpack(link.closest("tr").id.replace("run-", "run-data-"));
    show(link.textContent, pageOf(found, Number(wanted.get("step") ?? NaN)));
    one(".inside details[open]")?.scrollIntoView();
  }

  dialog.addEventListener("close", () => {
    if (dialog.dataset.of === "run" && location.hash.startsWith("#run=")) {
      history.replaceState(null, "", "#runs");
    }
    inside.replaceChildren();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  addEventListener("hashchange", follow);

  // --- examples and instructions ------------------------------------------------------------

  const answers = new Map();

  async function answer(cell) {
    const grid = cell.closest("table.grid");
    const { grid: number, split } = grid.dataset;
    if (!answers.has(number)) answers.set(number, await unpack(`grid-data-${number}`));
    const found = answers.get(number);
    const row = cell.closest("tr").sectionRowIndex;
    const column = cell.closest("td").cellIndex - 1;
    const { examples, instructions, replies } = found[split];
    const [question, target] = examples[row];
    const [text, read] = replies[column][row];
    dialog.dataset.of = "answer";
    show(`Example ${row + 1}, instruction ${instructions[column][0]}: ${cell.getAttribute("aria-label")}`, [
      make("h3", "Instruction"), quoted(instructions[column][1], "Instruction"),
      make("h3", "Question"), quoted(question, "Question"),
      make("h3", "Right answer"), quoted(target, "Right answer"),
      make("h3", "Reply of the scorer"), quoted(text, "Reply of the scorer"),
      make("h3", "Answer read in it"), quoted(read, "Answer read"),
    ]);
  }

  function move(event) {
    const cell = event.target.closest("td");
    const row = cell && cell.parentElement;
    const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] || [];
    if (!cell || down === undefined) return;
    event.preventDefault();
    const next = row.parentElement.rows[row.sectionRowIndex + down];
    const button = next && one("button", next.cells[cell.cellIndex + right] || next.cells[0]);
    if (!button) return;
    event.target.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  }

  for (const grid of all("table.grid")) {
    grid.addEventListener("click", (event) => {
      const cell = event.target.closest("button");
      if (cell) answer(cell);
    });
    grid.addEventListener("keydown", move);
  }

  // --- the table of runs --------------------------------------------------------------------

  for (const runs of all("table.runs")) {
    const body = runs.tBodies[0];
    const rows = [...body.rows];
    const key = (row, column, numeric) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent;
      return cell.dataset.sort === undefined ? NaN : Number(cell.dataset.sort);
    };
    const order = new Intl.Collator("en", { numeric: true });
    for (const heading of runs.tHead.rows[0].cells) {
      const button = make("button", heading.textContent);
      button.type = "button";
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        all("th", runs.tHead).forEach((each) => each.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const numeric = heading.dataset.kind === "number";
        const keyed = rows.map((row) => [key(row, heading.cellIndex, numeric), row]);
        keyed.sort(([a], [b]) => {
          if (numeric && (isNaN(a) || isNaN(b))) return isNaN(a) - isNaN(b);
          const sign = numeric ? a - b : order.compare(a, b);
          return down ? -sign : sign;
        });
        body.append(...keyed.map(([, row]) => row));
      });
    }

    const filters = one("form.filters");
    const choices = all("select", filters);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const filter = () => {
      const words = one("input", filters).value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        const fits =
          words.every((word) => texts[i].includes(word)) &&
          choices.every((choice) => !choice.value || row.dataset[choice.dataset.column] === choice.value);
        row.hidden = !fits;
        shown += fits;
      });
      one("output", filters).textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} runs`;
    };
    filters.addEventListener("input", filter);
    filters.addEventListener("submit", (event) => event.preventDefault());
  }

  // --- figures by step ----------------------------------------------------------------------

  for (const figure of all("figure")) {
    const marks = all("[data-step]", figure);
    const steps = [...new Set(marks.map((mark) => Number(mark.dataset.step)))].sort((a, b) => a - b);
    if (steps.length < 2) continue;
    const [play, range, output] = [make("button", "Play"), make("input"), make("output")];
    Object.assign(play, { type: "button" });
    Object.assign(range, { type: "range", min: 0, max: steps.length - 1, value: steps.length - 1 });
    const label = within("label", [make("span", "Up to step"), range]);
    const control = within("div", [play, label, output], "stepper");
    one("svg", figure).closest(".scroll").after(control);
    const draw = () => {
      const now = steps[range.value];
      output.textContent = now.toLocaleString("en");
      range.setAttribute("aria-valuetext", `step ${now}`);
      for (const mark of marks) mark.classList.toggle("later", Number(mark.dataset.step) > now);
    };
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    };
    const advance = () => {
      range.value = Number(range.value) + Math.max(1, Math.round(steps.length / 60));
      draw();
      if (Number(range.value) >= steps.length - 1) stop();
    };
    range.addEventListener("input", () => { stop(); draw(); });
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (Number(range.value) >= steps.length - 1) range.value = 0;
      draw();
      play.textContent = "Stop";
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      timer = setInterval(advance, calm ? 1000 : 150);
    });
    draw();
  }

  for (const element of all(".script")) element.hidden = false;
  follow();
})();
