// What a reader can do: filter, copy, follow links into closed groups, print.
(() => {
  const groups = [...document.querySelectorAll("details.group")];

  function go(id) {
    if (location.hash === `#${id}`) reveal(); else location.hash = id;
  }

  // The place of the address is opened, and shown even where a filter hides it.
  function reveal() {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    if (place.matches("details.group")) place.open = true;
    if (place.matches("details.group, tr")) {
      place.hidden = false;
      (place.querySelector("summary") || place).focus({ preventScroll: true });
      place.scrollIntoView({ block: place.matches("tr") ? "center" : "start" });
    }
  }

  function filtering(form, rows, told) {
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const search = form.querySelector("input[type=search]");
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const off = boxes.filter((box) => !box.checked);
      let count = 0;
      rows.forEach((row, index) => {
        const fits = off.every((box) => row.dataset[box.name] !== box.value) && words.every((word) => texts[index].includes(word));
        row.hidden = !fits;
        count += fits ? 1 : 0;
      });
      told(count);
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
  }

  function listen() {
    const form = document.getElementById("groups-filter");
    if (form) {
      const told = document.getElementById("groups-told");
      filtering(form, groups, (count) => {
        document.getElementById("groups-shown").textContent = String(count);
        told.textContent = count === groups.length ? "" : `${count} of ${groups.length} groups fit the filter.`;
      });
      const all = document.getElementById("open-all");
      all.addEventListener("click", () => {
        const open = all.getAttribute("aria-pressed") !== "true";
        groups.forEach((group) => { group.open = open && !group.hidden; });
        all.setAttribute("aria-pressed", String(open));
        all.textContent = open ? "close all" : "open all";
      });
    }
    const nodes = document.getElementById("nodes-filter");
    if (nodes) {
      filtering(nodes, [...document.querySelectorAll("#nodes-table tbody tr")], (count) => {
        document.getElementById("nodes-shown").textContent = String(count);
      });
    }
  }

  async function copy(button) {
    const set = button.parentElement.querySelector(".set");
    try {
      await navigator.clipboard.writeText(set.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(set); // no right to the clipboard: selected, for the reader's own keys
      button.textContent = "selected";
    }
  }

  function focusMap(group) {
    const note = document.getElementById("map-focus");
    note.hidden = group === null;
    if (group !== null) note.querySelector("b").textContent = document.querySelector(`#group-${group} .item`).textContent;
    drift.setFocus(group);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
    const link = event.target.closest("a[data-group]");
    if (link) focusMap(Number(link.dataset.group));
    if (event.target.closest("#map-focus button")) focusMap(null);
  });

  // On paper: light colours, the width of a sheet, and what is new with its details.
  const opened = [];
  function toPaper() {
    document.documentElement.classList.add("paper");
    for (const group of groups.filter((each) => !each.open && !each.hidden && ["new", "flapping"].includes(each.dataset.class)).slice(0, 20)) {
      group.open = true;
      opened.push(group);
    }
    drift.drawAll(700);
  }
  function fromPaper() {
    document.documentElement.classList.remove("paper");
    opened.splice(0).forEach((group) => { group.open = false; });
    drift.drawAll();
  }
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);

  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      if (innerWidth === width) return;
      width = innerWidth;
      drift.drawAll();
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drift.drawAll());
  addEventListener("hashchange", reveal);

  document.querySelectorAll("button.copy").forEach((button) => { button.hidden = false; });
  listen();
  drift.start(go);
  reveal();
})();
