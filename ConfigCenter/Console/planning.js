"use strict";
// A new sale: what it is, who is expected, the plan that follows from both, and its draft.

const minuteLength = 60_000;
const dayLength = 86_400_000;
/** What the form means for the center, as fields in the form of their `name`. */
const draftField = (name) => find(`#draft-${name}`);

/** A moment as fields of the kind `datetime-local` write it, in UTC. */
const fieldTime = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 19);
const momentOf = (text) => (text ? Date.parse(`${text}Z`) : NaN);

/** A whole number of the form, or a text that says what is wrong with it. */
function figureOf(name, least, most, what) {
    const text = draftField(name).value;
    return whole(text === "" ? NaN : Number(text), least, most, what);
}

// MARK: The document

/** The first lot of the sale: no other sale of the picture has its number. */
const nextLot = () => 1 + Math.max(0, ...board.picture.sales.flatMap((one) => one.lots),
    ...board.picture.lots.map((lot) => lot.id));

function draftWeights() {
    const entries = [...document.querySelectorAll("#draftUnits input")].filter((input) => input.value !== "");
    if (entries.length === 0) return null;
    return Object.fromEntries(entries.map((input) =>
        [input.dataset.unit, whole(Number(input.value), 0, 1_000_000, `weight of ${input.dataset.unit}`)]));
}

function draftSchedule() {
    if (!draftField("scheduled").checked) return null;
    return {
        warmBeforeMilliseconds: 1_000 * figureOf("warm", 2, 604_800, "seconds before the start in which it warms up"),
        openBeforeMilliseconds: Math.min(10_000, 1_000 * figureOf("warm", 2, 604_800, "seconds")),
        openLateMilliseconds: 1_000 * figureOf("late", 0, 600, "seconds that the opening may be late"),
    };
}

/** The sale as the form has it. Throws a text that says what is wrong. */
function draftDocument() {
    const id = draftField("id").value.trim();
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) throw "id: 1 to 64 letters, digits, dots and dashes";
    const startsAt = momentOf(draftField("start").value);
    if (Number.isNaN(startsAt)) throw "opens at: a date and a time";
    const minutes = Number(draftField("minutes").value);
    if (!(minutes >= 0.1 && minutes <= 5_256_000)) throw "minutes that it lasts: 0.1 to 5,256,000";
    const schedule = draftSchedule();
    const line = draftField("line").value;
    return {
        id, name: draftField("name").value.trim() || id, state: "draft", startsAtMilliseconds: startsAt,
        endsAtMilliseconds: startsAt + Math.round(minutes * minuteLength),
        paymentWindowMilliseconds: 1_000 * figureOf("window", 1, 86_400, "seconds to pay"),
        lots: [{
            id: nextLot(), name: draftField("name").value.trim() || id,
            stock: figureOf("stock", 1, 1_000_000_000, "items"),
            perBuyerLimit: figureOf("limit", 1, 1_000, "items per buyer"),
            poolPermille: figureOf("pool", 0, 1_000, "permille that stay in the pool"),
            weights: draftWeights(), contest: { when: draftField("contest").value },
            line: line === "open" ? null : line,
        }],
        schedule,
    };
}

// MARK: The form

/** Fills what depends on the center's time and units, once. */
function prepareDraft() {
    const tomorrow = centerNow() + dayLength;
    if (draftField("start").value === "") draftField("start").value = fieldTime(tomorrow - tomorrow % minuteLength);
    const units = board.picture.units;
    keep(find("#draftUnits"), units, (unit) => unit.id,
        (unit) => make("label", {}, unit.name,
            make("input", { type: "number", min: 0, max: 1_000_000, inputmode: "numeric", "data-unit": unit.name })));
    const regions = [...new Set(units.map((unit) => unit.region))];
    const group = (name) => ({ class: "fields", role: "group", "aria-label": name });
    keep(find("#draftRegions"), regions, (name) => name, (name) => make("div", group(name),
        make("label", {}, `Share of the buyers in ${name}`, make("input", {
            type: "number", value: 1, min: 0, max: 1_000_000, inputmode: "numeric", "data-share": name })),
        make("label", {}, `One way to the center, in ms`, make("input", {
            type: "number", value: 20, min: 0, max: 60_000, inputmode: "numeric", "data-way": name }))));
}

function drawPlanning() {
    const isAllowed = may("createSale");
    show(find("#draft"), isAllowed);
    show(find("#draftNone"), !isAllowed);
    if (isAllowed) prepareDraft();
}

// MARK: The plan

function planQuestion() {
    const { id, ...rest } = draftDocument();
    const ways = Object.fromEntries([...document.querySelectorAll("#draftRegions [data-way]")]
        .map((input) => [input.dataset.way, Number(input.value)]));
    const capacity = draftField("capacity").value;
    return {
        sale: { id, ...rest, lots: rest.lots.map((lot) => ({ ...lot, weights: plannableWeights(lot.weights) })) },
        crowd: {
            buyers: figureOf("buyers", 1, 1_000_000_000, "buyers"),
            arrivals: [{ milliseconds: 1_000 * figureOf("seconds", 1, 86_400, "seconds in which they come"), share: 1 }],
        },
        regions: [...document.querySelectorAll("#draftRegions [data-share]")].map((input) => ({
            name: input.dataset.share, share: whole(Number(input.value), 0, 1_000_000, `share of ${input.dataset.share}`),
            oneWayMilliseconds: whole(ways[input.dataset.share], 0, 60_000, `way from ${input.dataset.share}`) })),
        ...(capacity === "" ? {} : { unitCapacity: figureOf("capacity", 1, 10_000_000, "requests per second") }),
    };
}

/** A plan names units after their regions: weights of units with names of their own say nothing to it. */
function plannableWeights(weights) {
    const regions = new Set(board.picture.units.map((unit) => unit.region));
    return weights && Object.keys(weights).every((name) => regions.has(name)) ? weights : null;
}

const inSeconds = (value) => `${(Math.round(value * 100) / 100).toLocaleString("en")} s`;
const inMegabytes = (value) => `${(value / 1e6).toFixed(1)} MB`;
const eachSecond = (value) => `${number(Math.round(value))}/s`;
const wholeItems = (value) => number(Math.ceil(value));

/** The figures of a plan in the order of `tranche plan`, each with the way in which it came about. */
function planRows(plan) {
    const [lot] = plan.lots;
    const row = (name, figure, text) => ({ name, value: figure ? text(figure.value) : "not", why: figure?.why ?? "" });
    return [
        row("Sold out after", lot.soldOutSeconds, inSeconds), row("Unsold", lot.unsoldItems, wholeItems),
        row("Buyers served", lot.buyersServed, wholeItems), row("Requests admitted", lot.admittedPerSecond, eachSecond),
        row("Items contested", lot.contestedItems, wholeItems), row("Requests in the contest", lot.candidates, wholeItems),
        row("Nothing unpaid after", lot.settledSeconds, inSeconds),
        ...Object.entries(lot.grants).map(([name, quantity]) => ({
            name: `${name}: first grant`, value: number(quantity),
            why: `weight ${number(plan.weights[name])}, in ${plan.weightsWhy}` })),
        ...plan.regions.flatMap((region) => [
            row(`${region.name}: units`, region.units, wholeItems),
            row(`${region.name}: requests at the peak`, region.peakPerSecond, eachSecond),
            row(`${region.name}: memory of a unit`, region.memoryBytes, inMegabytes),
            row(`${region.name}: disk of a unit`, region.diskBytes, inMegabytes),
            row(`${region.name}: stranded if it is lost`, region.strandedItems, wholeItems),
        ]),
    ];
}

let plannedWeights = null;

function showPlan(plan) {
    const rows = planRows(plan);
    facts(find("#planTiles"), rows.slice(0, 4).map(({ name, value }) => ({
        name, value, bad: name === "Unsold" && value !== "0" })));
    keep(find("#planFigures"), rows, (row) => row.name,
        () => make("div", {}, make("dt"), make("dd", { class: "number" }), make("dd", { class: "soft" })),
        (line, row) => [row.name, row.value, row.why].forEach((text, place) => write(line.children[place], text)));
    const names = board.picture.units.map((unit) => unit.name);
    // A plan for more units than there are, or for other ones, is advice, and no weights.
    plannedWeights = Object.keys(plan.weights).every((name) => names.includes(name)) ? plan.weights : null;
    show(find("#useWeights"), plannedWeights !== null);
    show(find("#planned"), true);
    announce("The plan is there.");
}

async function askPlan() {
    write(find("#draftNote"), "");
    try {
        const { document: made } = await call("POST", "/v1/plan", planQuestion());
        showPlan(made);
        find("#planned").scrollIntoView({ block: "start" });
    } catch (why) {
        show(find("#planned"), false);
        write(find("#draftNote"), typeof why === "string" ? why : `${why.code}: ${why.message}`);
    }
}

function useWeights() {
    for (const input of document.querySelectorAll("#draftUnits input")) {
        input.value = plannedWeights?.[input.dataset.unit] ?? 0;
    }
    announce("The weights of the plan are in the form.");
}

// MARK: The draft

function createDraft() {
    write(find("#draftNote"), "");
    let sale;
    try { sale = draftDocument(); } catch (why) {
        return write(find("#draftNote"), String(why));
    }
    ask({
        title: `Create ${sale.id}`, word: sale.id, go: "Create the draft",
        plan: (_, __, at) => {
            if (sale.schedule && sale.startsAtMilliseconds <= at) throw "it would open in the past: choose a later time";
            return draftPlan(sale);
        },
        send: async (_, __, headers) => {
            await post("/v1/sales", sale, headers);
            Object.assign(board, { sale: sale.id, lot: null });
            location.hash = "#/sale";
        },
    });
}

function draftPlan(sale) {
    const [lot] = sale.lots;
    const weights = lot.weights ? Object.entries(lot.weights).map(([name, weight]) => `${name} ${number(weight)}`).join(", ")
        : "equal";
    return [
        `lot ${lot.id}: ${count(lot.stock, "item")}, at most ${number(lot.perBuyerLimit)} per buyer; quota weights: ${weights}`,
        `opens ${moment(sale.startsAtMilliseconds)}, ends ${moment(sale.endsAtMilliseconds)}; `
            + `${span(sale.paymentWindowMilliseconds / 1_000)} to pay`,
        sale.schedule
            ? `the center warms it up ${moment(sale.startsAtMilliseconds - sale.schedule.warmBeforeMilliseconds)}, `
                + "opens, closes and settles it by itself"
            : "operators take each step",
        "nothing is issued before the warming up",
    ];
}

document.addEventListener("DOMContentLoaded", () => {
    find("#draft").addEventListener("submit", (event) => {
        event.preventDefault();
        createDraft();
    });
    find("#planIt").addEventListener("click", askPlan);
    find("#useWeights").addEventListener("click", useWeights);
    draftField("scheduled").addEventListener("change", (event) => show(find("#draftSchedule"), event.target.checked));
});
