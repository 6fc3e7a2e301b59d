"use strict";
// Small charts, made by hand. Each one says in words what it shows.

const svgSpace = "http://www.w3.org/2000/svg";

function shape(name, attributes, ...children) {
    const element = document.createElementNS(svgSpace, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
}

const partNames = {
    paid: "paid", held: "held, not paid", quota: "in quota", pool: "in the pool", underWay: "under way in the contest",
    unheard: "of units not heard yet", settled: "settled as sold", stranded: "stranded", carried: "in a second round",
};

/** The parts of a lot in the order of the bar; quota is shown by unit. */
function partsOf(lot, nameOf) {
    const all = [];
    for (const [kind, name] of Object.entries(partNames)) {
        if (kind !== "quota") {
            all.push({ key: kind, kind, name, value: lot.parts[kind], shade: 0 });
            continue;
        }
        const holders = lot.units.filter((row) => row.parts.quota > 0);
        holders.forEach((row, place) => all.push({
            key: `quota-${row.unit}`, kind, name: `in quota of ${nameOf(row.unit)}`, value: row.parts.quota,
            shade: place % 5 }));
    }
    return all.filter((part) => part.value > 0);
}

/** A bar whose parts together are as long as `total`. */
function drawBar(parent, parts, total, label, isThin = false) {
    let svg = parent.firstElementChild;
    if (!svg) {
        svg = shape("svg", {
            class: isThin ? "bar thin" : "bar", viewBox: "0 0 1000 40", preserveAspectRatio: "none", role: "img" });
        parent.append(svg);
    }
    svg.setAttribute("aria-label", label);
    let start = 0;
    const length = Math.max(total, sum(parts, (part) => part.value), 1);
    const placed = parts.map((part) => {
        const width = 1000 * part.value / length;
        start += width;
        return { ...part, x: start - width, width };
    });
    keep(svg, placed, (part) => part.key, () => shape("rect", { y: 0, height: 40 }, shape("title", {})),
        (rect, part) => {
            rect.setAttribute("class", `${part.kind} shade${part.shade}`);
            rect.setAttribute("x", part.x.toFixed(2));
            rect.setAttribute("width", part.width.toFixed(2));
            write(rect.firstElementChild, `${part.name}: ${number(part.value)}`);
        });
}

/** A trace of one figure over the last minutes. */
function drawTrace(parent, points, figure, text) {
    if (!parent.firstElementChild) {
        parent.append(
            shape("svg", { viewBox: "0 0 300 100", preserveAspectRatio: "none", role: "img" },
                shape("path", { class: "area" }), shape("path", { class: "trace" })),
            make("p", {}, make("span"), make("span")));
    }
    const [svg, legend] = parent.children;
    const values = points.map(figure);
    const top = Math.max(...values, 1e-9);
    const last = values.length ? values[values.length - 1] : 0;
    const step = 300 / Math.max(1, values.length - 1);
    const path = values.map((value, place) => `${(place * step).toFixed(1)},${(96 - 92 * value / top).toFixed(1)}`);
    svg.children[0].setAttribute("d", path.length > 1 ? `M0,100 L${path.join(" L")} L300,100 Z` : "");
    svg.children[1].setAttribute("d", path.length > 1 ? `M${path.join(" L")}` : "");
    const seconds = points.length > 1 ? (points[points.length - 1].at - points[0].at) / 1_000 : 0;
    const highest = values.length ? Math.max(...values) : 0;
    svg.setAttribute("aria-label", `last ${span(seconds)}: now ${text(last)}, at most ${text(highest)}`);
    write(legend.firstElementChild, `now ${text(last)}`);
    write(legend.lastElementChild, `at most ${text(highest)} in ${span(seconds)}`);
}
