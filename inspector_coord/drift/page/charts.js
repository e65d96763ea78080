"use strict";
// Draws the three charts from the JSON block. Texts go into tooltips as text nodes and into charts as plain labels.
const drift = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const NAMES = [
    "ground", "card", "line", "text", "soft", "pass", "fail", "hatch", "pass-soft", "fail-soft",
    "drift", "intended", "first", "unknown-origin", "back",
  ];
  // Read once a drawing: asking the style sheet for each of 12,000 cells would take longer than drawing them.
  let palette = {};
  let decals = {};
  let font = "";
  const colour = (name) => palette[name];

  function readStyle() {
    const style = getComputedStyle(document.body);
    palette = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    font = style.fontFamily;
    decals = Object.fromEntries(["hatch", "fail"].map((name) => [name, {
      symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4, color: palette[name],
    }]));
  }

  const originName = (word) => (word === "unknown" ? "unknown-origin" : word.replace(/ /g, "-"));
  const cells = [];
  for (let at = 0; at < data.map.cells.length; at += 5) cells.push(data.map.cells.slice(at, at + 5));
  const shorten = (text, chars) => (text.length > chars ? `${text.slice(0, chars - 1)}…` : text);
  const pad = (number) => String(number).padStart(2, "0");
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

  function when(ms) {
    if (ms === null) return "–";
    const at = new Date(ms);
    return `${DAYS[at.getUTCDay()]} ${at.getUTCDate()}.${at.getUTCMonth() + 1}. ${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
  }

  function tip(title, ...lines) {
    const box = document.createElement("div");
    box.className = "tip";
    box.append(Object.assign(document.createElement("b"), { textContent: title }));
    for (const line of lines) box.append(Object.assign(document.createElement("span"), { textContent: line }));
    return box;
  }

  const hatch = (name) => decals[name];

  function base() {
    return {
      animation: false,
      useUTC: true,
      textStyle: { fontFamily: font, color: colour("text"), fontSize: 12 },
      tooltip: {
        confine: true, transitionDuration: 0, backgroundColor: colour("card"), borderColor: colour("line"),
        textStyle: { color: colour("text") }, extraCssText: "box-shadow: 0 2px 10px rgba(0,0,0,.25)",
      },
    };
  }

  const lines = () => ({
    axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false },
    splitLine: { lineStyle: { color: colour("line"), opacity: .7 } },
    axisLabel: { color: colour("soft"), hideOverlap: true },
  });

  const slider = () => [
    { type: "slider", xAxisIndex: 0, filterMode: "none", bottom: 4, height: 16, showDetail: false, brushSelect: false, borderColor: colour("line"), backgroundColor: colour("ground"), fillerColor: "rgba(120,140,170,.25)", handleStyle: { borderColor: colour("soft") }, moveHandleSize: 0, showDataShadow: false },
    { type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
  ];
  const onPaper = () => document.documentElement.classList.contains("paper");

  const timeAxis = (more) => ({ type: "time", min: data.since, max: data.until, ...lines(), axisLabel: { color: colour("soft"), hideOverlap: true, formatter: { year: "{yyyy}", month: "{d} {MMM}", day: "{ee} {d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}" } }, ...more });

  // ---- compliance: below the curve passes, between fails, hatched nobody knows --------------------------------
  function compliance() {
    const points = data.compliance.filter((each) => each[0] !== null && each[1] > 0);
    const share = points.map(([at, nodes, judged, pass]) => [at, (100 * pass) / nodes, (100 * judged) / nodes]);
    const lowest = Math.min(100, ...share.map((each) => each[1]));
    const step = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 25].find((each) => (100 - lowest) / each < 8) || 25;
    const floor = Math.max(0, Math.floor((lowest - step / 2) / step) * step);
    const end = (index) => (index + 1 < share.length ? share[index + 1][0] : Math.max(data.until, share[index][0]));
    // Three bands, each one shape of steps: 500 points with three boxes each would take a third of a second.
    const band = (api, low, high) => {
      const edge = (value) => share.flatMap((each, index) => {
        const y = Math.max(floor, value(each));
        return [api.coord([each[0], y]), api.coord([end(index), y])];
      });
      return [...edge(high), ...edge(low).reverse()];
    };
    const draw = (params, api) => {
      const bands = [
        [() => floor, (each) => each[1], { fill: colour("pass-soft") }],
        [(each) => each[1], (each) => each[2], { fill: colour("fail-soft") }],
        [(each) => each[2], () => 100, { fill: colour("card"), decal: hatch("hatch") }],
      ];
      return { type: "group", children: bands.map(([low, high, look]) => ({ type: "polygon", shape: { points: band(api, low, high) }, style: look })) };
    };
    return {
      ...base(),
      grid: { left: 62, right: 18, top: 12, bottom: 26 },
      xAxis: timeAxis(),
      yAxis: { type: "value", min: floor, max: 100, ...lines(), axisLabel: { color: colour("soft"), formatter: (value) => `${Number(value.toFixed(3))} %` } },
      tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "line", lineStyle: { color: colour("soft") } },
        formatter: (all) => {
          const [at, nodes, judged, pass, items, itemsPass] = points[all[0].dataIndex];
          const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(2)} %` : "–");
          return tip(when(at), `${pass} of ${judged} judged nodes pass (${percent(pass, judged)})`, `${judged - pass} fail or err`,
            `${nodes - judged} unknown`, `${percent(itemsPass, items)} of ${items} items pass`);
        } },
      series: [
        { type: "custom", renderItem: draw, data: share.slice(0, 1), encode: { x: 0, y: 1 }, clip: true, silent: true, tooltip: { show: false } },
        { type: "line", step: "end", symbol: "none", data: share.map((each) => [each[0], each[1]]), lineStyle: { color: colour("pass"), width: 2 }, itemStyle: { color: colour("pass") } },
      ],
    };
  }

  // ---- timelines: lanes of what happened, then a row a group ---------------------------------------------------
  const laneCount = data.lanes.length;
  const rows = [...data.lanes, ...data.groups.map((each) => each[1])];

  function bars(rowHeight) {
    const all = [];
    data.groups.forEach(([number, , , origin, , spans], index) => {
      for (const [opened, confirmed, closed, count] of spans) {
        if (opened === null) continue;
        all.push({ value: [opened, laneCount + index, closed ?? data.until], opened, confirmed, closed, count, origin, number });
      }
    });
    const whole = data.compliance.length ? data.compliance[data.compliance.length - 1][0] : data.until;
    const draw = (params, api) => {
      const bar = all[params.dataIndex];
      const from = Math.max(bar.opened, data.since);
      const until = bar.closed ?? data.until;
      const known = bar.closed ?? ((bar.confirmed ?? until) < whole - 1000 ? bar.confirmed : until);
      const [x, y] = api.coord([from, laneCount + data.groups.findIndex((each) => each[0] === bar.number)]);
      const middle = api.coord([Math.max(known, from), 0])[0];
      const right = api.coord([until, 0])[0];
      const tall = rowHeight * .56;
      const tone = colour(originName(bar.origin));
      const box = (left, end, look) => ({ type: "rect", shape: { x: left, y: y - tall / 2, width: Math.max(end - left, 3), height: tall, r: 2 }, style: look });
      return {
        type: "group",
        children: [
          box(x, middle, { fill: tone, opacity: bar.closed === null ? .95 : .42 }),
          ...(right - middle > 1 && bar.closed === null ? [box(middle, right, { fill: colour("card"), stroke: colour("hatch"), lineWidth: 1, decal: hatch("hatch") })] : []),
        ],
      };
    };
    return { all, draw };
  }

  function timeline(width) {
    const rowHeight = 22;
    const label = Math.min(260, Math.max(110, width * .24));
    const { all, draw } = bars(rowHeight);
    return {
      ...base(),
      grid: { left: label + 10, right: 18, top: 26, bottom: 30 },
      dataZoom: onPaper() ? [] : slider(),
      xAxis: timeAxis({ position: "top" }),
      yAxis: { type: "category", data: rows.map((_, index) => String(index)), inverse: true, ...lines(), triggerEvent: true, splitLine: { show: true, interval: 0, lineStyle: { color: colour("line"), opacity: .5 } },
        axisLabel: { color: colour("text"), width: label, overflow: "truncate", interval: 0, fontSize: 12,
          formatter: (value) => (Number(value) < laneCount ? rows[value] : shorten(rows[value], 60)), rich: {} } },
      tooltip: { ...base().tooltip, formatter: (each) => {
        if (each.seriesIndex === 1) {
          const [, at, text, nodes, who] = data.events[each.dataIndex];
          return tip(`${data.lanes[data.events[each.dataIndex][0]]} · ${when(at)}`, text, `on ${shorten(nodes, 120)}`, ...(who ? [`by ${who}`] : []));
        }
        const bar = all[each.dataIndex];
        const group = data.groups.find((one) => one[0] === bar.number);
        return tip(group[1], `${group[2]}, ${bar.origin === "unknown" ? "unknown origin" : bar.origin}, ${bar.count} node${bar.count === 1 ? "" : "s"}`,
          `since ${when(bar.opened)}`, bar.closed === null ? `last seen ${when(bar.confirmed)}` : `put right ${when(bar.closed)}`);
      } },
      series: [
        { type: "custom", renderItem: draw, data: all.map((bar) => bar.value), encode: { x: [0, 2], y: 1 }, clip: true, cursor: "pointer" },
        { type: "scatter", data: data.events.map((each) => [each[1], each[0]]), symbol: "diamond", symbolSize: 11, cursor: "default", clip: false,
          itemStyle: { color: colour("text"), opacity: .8 },
          markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colour("soft"), type: "dotted", opacity: .7 },
            data: data.events.filter((each) => data.lanes[each[0]] === "release" && each[1] !== null).slice(0, 40).map((each) => ({ xAxis: each[1] })) } },
      ],
    };
  }

  // ---- map: what is pointed at is found by its place ------------------------------------------------------------
  const cellOf = new Map(cells.map((each) => [each[0] * data.map.items.length + each[1], each]));
  const unknownOf = new Map(data.map.unknown.map((each) => [each[0], each]));
  const nobody = [0, 0, 0, -1, 0];
  let pointed = [0, 0];

  function placeAt(point) {
    const chart = charts.find((each) => each.place.id === "map-chart").chart;
    return chart.convertFromPixel({ xAxisIndex: 0, yAxisIndex: 0 }, point);
  }

  function cellAt(point) {
    const [node, item] = placeAt(point);
    return cellOf.get(node * data.map.items.length + item) ?? nobody;
  }

  const unknownAt = (point) => unknownOf.get(placeAt(point)[0]) ?? nobody;

  function map(width, focus) {
    const { nodes, items, states, unknown } = data.map;
    const label = Math.min(260, Math.max(110, width * .24));
    const many = nodes.length * 9 > width - label;
    const box = (api) => {
      const [left, top] = api.coord([0, 0]);
      const [wide, tall] = api.size([1, 1]);
      const gap = wide > 5 ? 1 : 0;
      const edge = (node) => (gap ? Math.round(left + (node - .5) * wide) : left + (node - .5) * wide);
      return (node, item, rows) => [edge(node), top + (item - .5) * tall + 1, Math.max(1, edge(node + 1) - edge(node) - gap), rows * tall - 2];
    };
    const path = (boxes, style) => ({
      type: "path", style, shape: { pathData: boxes.map(([x, y, wide, tall]) => `M${x} ${y}h${wide}v${tall}h${-wide}z`).join("") },
    });
    // All cells that look the same are one shape: 12,000 of their own would take a second.
    const layers = states.flatMap((_, state) => [false, true].map((dim) => ({
      state, dim, members: cells.filter((each) => each[2] === state && (focus !== null && each[3] !== focus) === dim),
    }))).filter((layer) => layer.members.length);
    const layer = (params, api) => {
      const { state, dim, members } = layers[params.dataIndex];
      const at = box(api);
      const look = states[state] === "not judged" ? { fill: colour("card"), stroke: colour("fail"), lineWidth: .7, decal: hatch("fail") } : { fill: colour(originName(states[state])) || colour("hatch") };
      return path(members.map(([node, item]) => at(node, item, 1)), { ...look, opacity: dim ? .12 : 1 });
    };
    const columns = (params, api) => {
      const at = box(api);
      return path(unknown.map(([node]) => at(node, 0, items.length)), { fill: colour("card"), decal: hatch("hatch"), opacity: focus === null ? 1 : .35 });
    };
    return {
      ...base(),
      grid: { left: label + 10, right: 18, top: 8, bottom: many ? 66 : 58 },
      xAxis: { type: "category", data: nodes, ...lines(), axisLabel: { color: colour("soft"), rotate: 60, fontSize: 11, width: 90, overflow: "truncate", hideOverlap: true, interval: many ? "auto" : Math.ceil((nodes.length * 15) / Math.max(1, width - label)) - 1 } },
      yAxis: { type: "category", data: items.map((_, index) => String(index)), inverse: true, ...lines(), splitLine: { show: true, interval: 0, lineStyle: { color: colour("line"), opacity: .6 } },
        axisLabel: { color: colour("text"), width: label, overflow: "truncate", interval: 0, fontSize: 12, formatter: (value) => shorten(items[value], 60) } },
      dataZoom: many && !onPaper() ? slider() : [],
      tooltip: { ...base().tooltip, formatter: (each) => {
        if (each.seriesIndex === 0) {
          const [node, state, since] = unknownAt(pointed);
          return tip(nodes[node], `${state}: nothing is known of it since ${when(since)}`);
        }
        const [node, item, state, group, opened] = cellAt(pointed);
        return tip(nodes[node], items[item], states[state] === "not judged" ? "was wrong when last judged" : states[state], `since ${when(data.until - opened * 60000)}`, ...(group < 0 ? [] : ["click: its group"]));
      } },
      series: [
        { type: "custom", renderItem: columns, data: unknown.length ? [[0, 0]] : [], encode: { x: 0, y: 1 }, clip: true, cursor: "pointer" },
        { type: "custom", renderItem: layer, data: layers.map(() => [0, 0]), encode: { x: 0, y: 1 }, clip: true, cursor: "pointer" },
      ],
    };
  }

  // ---- drawing, and drawing anew when size, colours or focus change ---------------------------------------------
  const charts = [];
  let focus = null;

  function add(id, renderer, option, height, click) {
    const place = document.getElementById(id);
    if (!place) return;
    place.closest("figure").hidden = false;
    place.addEventListener("mousemove", (event) => {
      const box = place.getBoundingClientRect();
      pointed = [event.clientX - box.left, event.clientY - box.top];
    }, true);
    charts.push({ place, renderer, option, height, click, chart: null });
  }

  function draw(each, width) {
    if (each.chart) each.chart.dispose();
    const size = { width: width || each.place.clientWidth, height: each.height || each.place.clientHeight };
    each.place.style.height = `${size.height}px`;
    each.chart = echarts.init(each.place, null, { renderer: each.renderer, devicePixelRatio: Math.max(2, window.devicePixelRatio), ...size });
    if (each.click) each.chart.on("click", each.click);
    each.chart.on("finished", () => {
      each.drawn = true;
      if (charts.every((one) => one.drawn) && !performance.getEntriesByName("drawn").length) performance.mark("drawn");
    });
    each.chart.setOption(each.option(size.width)); // after the listeners: small charts are finished within
  }

  function drawAll(width) {
    readStyle();
    charts.forEach((each) => draw(each, width));
  }

  function start(go) {
    add("compliance-chart", "svg", compliance, 230);
    add("timeline-chart", "svg", timeline, 58 + 22 * rows.length, (each) => {
      const bar = each.componentType === "yAxis" ? { number: data.groups[Number(each.value) - laneCount]?.[0] } : each.seriesIndex === 0 ? { number: data.groups[each.value[1] - laneCount][0] } : {};
      if (bar.number !== undefined) go(`group-${bar.number}`);
    });
    add("map-chart", "canvas", (width) => map(width, focus), 80 + 19 * data.map.items.length, (each) => {
      const point = [each.event.offsetX, each.event.offsetY];
      const [node, , , group] = each.seriesIndex === 0 ? [unknownAt(point)[0], 0, 0, -1] : cellAt(point);
      go(group < 0 ? `node-${node}` : `group-${group}`);
    });
    drawAll();
  }

  return { data, start, drawAll, setFocus: (group) => { focus = group; drawAll(); } };
})();
