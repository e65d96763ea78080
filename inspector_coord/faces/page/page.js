"use strict";
(() => {
  const form = document.getElementById("filter");
  const text = document.getElementById("text");
  const shown = document.getElementById("shown");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const rows = [...document.querySelectorAll("#table tbody tr")].map((row) => ({
    row, state: row.dataset.state, words: row.textContent.toLowerCase(),
  }));

  function apply() {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const { row, state, words } of rows) {
      const fits = states.has(state) && wanted.every((word) => words.includes(word));
      row.hidden = !fits;
      count += fits ? 1 : 0;
    }
    shown.textContent = String(count);
  }

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
})();
