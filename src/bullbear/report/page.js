(() => {
  "use strict";
  const root = document.documentElement;
  const page = JSON.parse(document.getElementById("report-data").textContent);
  const narrow = () => window.innerWidth < 620;
  const touch = window.matchMedia("(pointer: coarse)").matches;
  const decoded = {};

  function bytesOf(base64) {
    const text = atob(base64);
    const raw = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) raw[i] = text.charCodeAt(i);
    return raw;
  }

  // plotly.js, unpacked: the policy admits it by its hash, wherever the element comes from.
  async function loadLibrary() {
    const packed = document.getElementById("report-library");
    const stream = new Blob([bytesOf(packed.textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    packed.remove();
  }

  // Columns: 32-bit floats, per cent in hundredths, and days since 1970 in 16 bits, which become ISO texts: plotly reads those in no time zone.
  function column(name) {
    if (name in decoded) return decoded[name];
    const { kind, bytes } = page.columns[name];
    const raw = bytesOf(bytes);
    if (kind === "f4") decoded[name] = new Float32Array(raw.buffer);
    else if (kind === "p2") {
      decoded[name] = Array.from(new Uint16Array(raw.buffer), (value) => (value === 65535 ? null : value / 100));
    } else decoded[name] = Array.from(new Uint16Array(raw.buffer), (day) => new Date(day * 86400000).toISOString().slice(0, 10));
    return decoded[name];
  }

  // A colour role such as "@forecast/0.2" in the present theme.
  let styles = getComputedStyle(root);
  function colour(text) {
    const found = /^@([a-z]+)(?:\/([\d.]+))?$/.exec(text);
    if (!found) return text;
    const hex = styles.getPropertyValue(`--${found[1]}`).trim();
    if (!found[2]) return hex;
    const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${found[2]})`;
  }

  function resolved(value) {
    if (typeof value === "string") return colour(value);
    if (Array.isArray(value)) return value.map(resolved);
    if (value === null || typeof value !== "object") return value;
    if ("column" in value) return column(value.column);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolved(each)]));
  }

  function template() {
    const axis = {
      gridcolor: "@grid", linecolor: "@line", zerolinecolor: "@line", tickcolor: "@line", automargin: true,
      ticks: "", ticklabelstandoff: 3, title: { standoff: 8 },
    };
    return resolved({
      layout: {
        font: { family: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
          size: narrow() ? 12 : 13, color: "@ink" },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        colorway: ["@forecast", "@bear", "@green", "@purple", "@yellow", "@sky", "@grey", "@ink"],
        margin: { l: 8, r: 12, t: 8, b: 8 },
        hovermode: "x unified",
        hoverlabel: { bgcolor: "@panel", bordercolor: "@line", font: { color: "@ink", size: 13 }, align: "left" },
        legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)",
          font: { size: narrow() ? 12 : 13 } },
        xaxis: axis, yaxis: axis,
      },
    });
  }

  function layoutOf(chart, holder) {
    const layout = resolved(chart.layout);
    return {
      ...layout,
      template: template(),
      height: Number(holder.dataset.height),
      autosize: true,
      uirevision: "kept", // zoom and hidden lines survive a change of theme
      dragmode: touch || narrow() ? false : (layout.dragmode || "zoom"), // a finger scrolls the page
    };
  }

  const config = {
    responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false,
  };

  // The newest day drawn, and the range of values between two days: axes of values follow the period shown.
  function lastDay(figure) {
    let last = "";
    for (const trace of figure.data) {
      if (trace.x && typeof trace.x[trace.x.length - 1] === "string") {
        const end = trace.x[trace.x.length - 1];
        if (end > last) last = end;
      }
    }
    return last;
  }

  function valueRanges(data, from, to) {
    const ranges = {};
    for (const trace of data) {
      if (!trace.x || (trace.meta && trace.meta.aside) || trace.visible === "legendonly" || trace.visible === false) continue;
      const name = `yaxis${(trace.yaxis || "y").slice(1)}`;
      const lows = trace.low || trace.y;
      const highs = trace.high || trace.y;
      if (!lows) continue;
      const range = ranges[name] || (ranges[name] = trace.type === "bar" ? [0, 0] : [Infinity, -Infinity]);
      for (let i = 0; i < trace.x.length; i += 1) {
        const day = trace.x[i];
        if (day < from || day > to) continue;
        if (lows[i] !== null && lows[i] < range[0]) range[0] = lows[i];
        if (highs[i] !== null && highs[i] > range[1]) range[1] = highs[i];
      }
    }
    return ranges;
  }

  function fitted(holder, from, to) {
    const update = {};
    for (const [name, [low, high]] of Object.entries(valueRanges(holder.data, from, to))) {
      const axis = holder.layout[name] || {};
      if (!(low <= high) || axis.fixedrange === true || axis.type === "category") continue;
      const log = axis.type === "log";
      const [bottom, top] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
      const air = (top - bottom || Math.abs(top) || 1) * 0.05;
      update[`${name}.range`] = [low === 0 && !log ? bottom : bottom - air, top + air];
    }
    return update;
  }

  function monthsBefore(day, months) {
    const date = new Date(`${day.slice(0, 10)}T00:00:00Z`);
    date.setUTCMonth(date.getUTCMonth() - months);
    return date.toISOString().slice(0, 10);
  }

  // Labels that would overlap in a longer period than theirs go.
  function showLabels(holder, months) {
    holder.data.forEach((trace, place) => {
      const most = trace.meta && trace.meta.months;
      if (most) Plotly.restyle(holder, { visible: months > 0 && months <= most }, [place]);
    });
  }

  function showPeriod(holder, months) {
    showLabels(holder, months);
    if (months === 0) {
      const update = { "xaxis.autorange": true };
      for (const name of Object.keys(holder.layout)) {
        if (/^yaxis\d*$/.test(name) && !holder.layout[name].fixedrange) update[`${name}.autorange`] = true;
      }
      return Plotly.relayout(holder, update);
    }
    const last = lastDay(holder);
    const from = monthsBefore(last, months);
    const end = new Date(Date.parse(`${last.slice(0, 10)}T00:00:00Z`) + 86400000 * Math.max(1, months / 2));
    const to = end.toISOString().slice(0, 10);
    return Plotly.relayout(holder, { "xaxis.range": [from, to], ...fitted(holder, from, to) });
  }

  function addPeriods(holder, chart) {
    const buttons = [...holder.parentElement.querySelectorAll(".periods button")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
        showPeriod(holder, Number(button.dataset.months));
      });
    }
    holder.on("plotly_relayout", (change) => {
      const from = change["xaxis.range[0]"];
      if (from === undefined) return; // a period button, or a change of values alone
      for (const each of buttons) each.setAttribute("aria-pressed", "false");
      if (!Object.keys(change).some((key) => key.startsWith("yaxis"))) {
        Plotly.relayout(holder, fitted(holder, from, change["xaxis.range[1]"]));
      }
    });
    const pressed = buttons.find((each) => each.getAttribute("aria-pressed") === "true");
    if (pressed && pressed.dataset.months !== "0") return showPeriod(holder, Number(pressed.dataset.months));
    return null;
  }

  const holders = [...document.querySelectorAll("[data-chart]")];
  const waiting = new Set(holders);

  function draw(holder) {
    if (!waiting.delete(holder)) return;
    const chart = page.charts[holder.dataset.chart];
    const done = (state) => {
      holder.dataset.drawn = state;
      if (holders.every((each) => each.dataset.drawn)) root.dataset.charts = "drawn";
    };
    Plotly.newPlot(holder, resolved(chart.data), layoutOf(chart, holder), config)
      .then(() => (chart.period ? addPeriods(holder, chart) : null))
      .then(() => done("yes"), (problem) => { done("failed"); console.error(holder.dataset.chart, problem); });
  }

  function redraw() {
    styles = getComputedStyle(root);
    for (const holder of holders) {
      if (waiting.has(holder)) continue;
      const chart = page.charts[holder.dataset.chart];
      const layout = layoutOf(chart, holder);
      for (const name of Object.keys(holder.layout)) { // the period shown stays
        if (/^[xy]axis\d*$/.test(name) && holder.layout[name].range && holder.layout[name].autorange === false) {
          layout[name] = { ...layout[name], range: [...holder.layout[name].range], autorange: false };
        }
      }
      Plotly.react(holder, resolved(chart.data), layout, config);
    }
  }

  // Charts are drawn when they come near the screen, and the rest while nothing else is to do.
  function drawAll() {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
    }, { rootMargin: "600px" });
    for (const holder of holders) near.observe(holder);
    const idle = window.requestIdleCallback || ((work) => setTimeout(work, 60));
    const drawNext = () => {
      const [next] = waiting;
      if (next === undefined) return;
      draw(next);
      idle(drawNext);
    };
    idle(drawNext);
  }
  function giveUp(problem) {
    for (const holder of holders) holder.textContent = "This browser is too old to draw the chart.";
    console.error(problem);
  }

  // Theme: the system's until the button is pressed; the choice is kept where the browser allows it.
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const kept = () => { try { return localStorage.getItem("bullbear-theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const chosen = kept();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  styles = getComputedStyle(root);
  const button = document.getElementById("theme");
  const nameTheme = () => { button.textContent = isDark() ? "Light" : "Dark"; }; // what a click leads to
  nameTheme();
  prefersDark.addEventListener("change", nameTheme);
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
    try { localStorage.setItem("bullbear-theme", root.dataset.theme); } catch { /* private mode */ }
    redraw();
  });
  prefersDark.addEventListener("change", redraw);

  // Print: everything is drawn, on light paper, at the paper's width.
  window.addEventListener("beforeprint", () => {
    if (typeof Plotly === "undefined") return;
    for (const holder of holders) draw(holder);
    for (const each of document.querySelectorAll("main details")) { each.dataset.was = String(each.open); each.open = true; }
    redraw();
    for (const holder of holders) Plotly.relayout(holder, { width: Math.min(holder.clientWidth || 680, 680) });
  });
  window.addEventListener("afterprint", () => {
    if (typeof Plotly === "undefined") return;
    for (const each of document.querySelectorAll("main details")) each.open = each.dataset.was === "true";
    redraw();
    for (const holder of holders) Plotly.relayout(holder, { width: undefined, autosize: true });
  });

  // Contents: the section in view is marked; on a narrow screen the list is closed and named after it.
  const contents = document.querySelector(".contents details");
  const slim = window.matchMedia("(max-width: 62rem)");
  const settle = () => { contents.open = !slim.matches; };
  settle();
  slim.addEventListener("change", settle);
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  for (const link of links.values()) link.addEventListener("click", () => { if (slim.matches) contents.open = false; });
  const sections = [...document.querySelectorAll("main > section")];
  const now = document.querySelector(".contents .now");
  function mark() {
    let current = sections[0];
    for (const section of sections) if (section.getBoundingClientRect().top < window.innerHeight * 0.3) current = section;
    for (const [id, link] of links) {
      if (id === current.id) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    }
    now.textContent = links.get(current.id).textContent;
  }
  let asked = false;
  window.addEventListener("scroll", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; mark(); });
  }, { passive: true });
  mark();

  if (holders.length) loadLibrary().then(drawAll, giveUp); else root.dataset.charts = "drawn";
})();
