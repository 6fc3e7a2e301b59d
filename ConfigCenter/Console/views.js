"use strict";
// What each view shows of a picture.

const views = ["sale", "regions", "contest", "configuration", "stranded", "approvals", "planning"];
const present = () => views.find((name) => location.hash === `#/${name}`) ?? "sale";
const unitOf = (id) => board.picture.units.find((unit) => unit.id === id);
const nameOf = (id) => unitOf(id)?.name ?? `unit ${id}`;
const isSilent = (unit) => unit.isSilent; // the center's word: a new center waits for its units
const noSale = ""; // of lots that belong to no sale of the picture
board.sale = null;

/** The sale that the operator looks at, its lots, and one of them. A draft has no lots yet. */
function chosen() {
    const { sales, lots } = board.picture;
    const known = new Set(sales.map((one) => one.id));
    const ownerOf = (lot) => (known.has(lot.sale) ? lot.sale : noSale);
    const hasLoose = lots.some((lot) => ownerOf(lot) === noSale);
    // It stays the one that it was: the acts of a sale must not become those of another one that begins.
    if (!known.has(board.sale) && !(board.sale === noSale && hasLoose)) {
        board.sale = lots.length ? ownerOf(lots[0]) : sales[0]?.id ?? null;
    }
    const own = lots.filter((lot) => ownerOf(lot) === board.sale);
    const lot = own.find((one) => one.id === board.lot) ?? own[0];
    return { sale: sales.find((one) => one.id === board.sale), own, lot, hasLoose };
}

function draw() {
    if (!board.isIn) return;
    const view = present();
    document.documentElement.dataset.view = view;
    for (const name of views) show(find(`#${name}`), name === view);
    for (const link of document.querySelectorAll("nav a")) {
        if (link.hash === `#/${view}`) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    if (!board.picture) return;
    const choice = chosen();
    const { sale, lot } = choice;
    drawChoice(choice);
    drawAlarm();
    document.title = `${sale?.name ?? "Console"} · ${view}`;
    show(find("nav a[href='#/planning']"), may("createSale"));
    const drawings = {
        sale: () => drawSale(sale, lot), regions: drawRegions, contest: drawContest, configuration: drawConfiguration,
        stranded: drawStranded, approvals: drawApprovals, planning: drawPlanning };
    drawings[view](lot);
    refreshPlan();
}

function drawChoice({ sale, own, lot, hasLoose }) {
    const { sales, lotsLeftOut, stranded } = board.picture;
    const owners = [...sales, ...(hasLoose ? [{ id: noSale, name: "no sale" }] : [])];
    keep(find("#saleChoice"), owners, (one) => one.id, (one) => make("option", { value: one.id }),
        (option, one) => write(option, one.name));
    keep(find("#lot"), own, (one) => one.id, (one) => make("option", { value: one.id }),
        (option, one) => write(option, one.name));
    choose(find("#saleChoice"), sale?.id ?? noSale);
    if (lot) choose(find("#lot"), String(lot.id));
    show(find("#saleChoice"), owners.length > 1);
    show(find("label[for=saleChoice]"), owners.length > 1);
    show(find("#lot"), own.length > 1);
    show(find("label[for=lot]"), own.length > 1);
    find("#lot").title = lotsLeftOut ? `${count(lotsLeftOut, "lot")} left out` : "";
    write(find("#strandedCount"), number(stranded.length));
    show(find("#strandedCount"), stranded.length > 0);
    const waiting = (board.picture.proposals ?? []).length;
    write(find("#approvalsCount"), number(waiting));
    show(find("#approvalsCount"), waiting > 0);
    show(find("#approvalsLink"), Boolean(board.me?.forTwo) || waiting > 0);
}

function choose(select, value) {
    if (select.value !== value) select.value = value;
}

/** Books that do not add up, and messages of units that contradict them, are said in every view. */
function drawAlarm() {
    const { contradictions, alarms, alarmCount } = board.picture;
    const texts = contradictions.map(({ lot, difference }) =>
        `The books of lot ${lot} do not add up: its parts are ${count(Math.abs(difference), "item")} `
        + `${difference > 0 ? "more" : "fewer"} than were issued. `
        + "Pause the sale, and run tranche verify.");
    if (alarms.length > 0) {
        texts.push(`${count(alarmCount, "alarm")} since this center leads, the newest: `
            + `${alarms[alarms.length - 1]}.`);
    }
    write(find("#alarm"), texts.join(" "));
}

function drawSale(sale, lot) {
    write(find("#saleTitle"), sale?.name ?? "No sale");
    write(find("#salePhase"), sale?.phase ?? "none");
    find("#salePhase").classList.toggle("bad", sale?.phase === "paused");
    write(find("#saleTimes"), sale
        ? `Opens ${moment(sale.opensAtMilliseconds)}, ends ${moment(sale.closesAtMilliseconds)}.` : "");
    keep(find("#saleRows"), board.picture.sales, (one) => one.id,
        () => make("tr", {}, make("th", { scope: "row" }), make("td"), make("td"), make("td", { class: "number" })),
        (row, one) => [`${one.name} (${one.id})`, one.phase, moment(one.opensAtMilliseconds), number(one.lots.length)]
            .forEach((text, place) => write(row.children[place], text)));
    drawSaleActs(sale, lot);
    drawSchedule(sale);
    for (const part of ["tiles", "stockBar", "stockLegend", "saleCharts"]) show(find(`#${part}`), Boolean(lot));
    if (!lot) {
        find("#stockSum").classList.remove("trouble");
        return write(find("#stockSum"), "No stock is issued yet.");
    }
    const left = lot.parts.pool + lot.parts.quota;
    const offered = lot.units.map((row) => row.offeredPerSecond).filter(isGiven);
    facts(find("#tiles"), [
        { name: "Issued", value: number(lot.issued) },
        { name: "Paid", value: number(lot.parts.paid + lot.parts.settled) },
        { name: "Held, not paid", value: number(lot.parts.held) },
        { name: "Left to sell", value: number(left) },
        { name: "Sold per second", value: pace(lot.soldPerSecond) },
        { name: "Requests per second", value: offered.length ? pace(sum(offered, (one) => one)) : "–" },
        { name: "Sold out in", value: left === 0 && !lot.parts.unheard ? "sold out" : span(lot.secondsLeft) },
    ]);
    const parts = partsOf(lot, nameOf);
    drawBar(find("#stockBar"), parts, lot.issued, inWords(parts));
    drawLegend(find("#stockLegend"), parts);
    const together = sum(Object.keys(partNames), (kind) => lot.parts[kind]);
    find("#stockSum").classList.toggle("trouble", lot.difference !== 0);
    write(find("#stockSum"), lot.difference === 0
        ? `Together ${number(together)}: what was issued.`
        : `Together ${number(together)}, but ${number(lot.issued)} were issued: `
            + `a difference of ${number(lot.difference)}.`);
    const points = board.history.get(lot.id) ?? [];
    drawTrace(find("#soldChart"), points, (point) => point.sold, pace);
    drawTrace(find("#leftChart"), points, (point) => point.left, number);
}

const inWords = (parts) => parts.map((part) => `${part.name} ${number(part.value)}`).join(", ");

function drawLegend(parent, parts) {
    keep(parent, parts, (part) => part.key,
        () => make("li", {}, make("i", { "aria-hidden": "true" }), make("span"), make("b")),
        (item, part) => {
            item.children[0].className = `${part.kind} shade${part.shade}`;
            write(item.children[1], part.name);
            write(item.children[2], number(part.value));
        });
}

const clockText = (clock) => !clock ? "not reported"
    : `${clock.state}, ±${number(Math.round(clock.uncertaintyMicroseconds / 100) / 10)} ms`;

const loadText = (load) => !load ? "–"
    : `${number(load.cpuPermille / 10)} % CPU, ${number(load.waitingMilliseconds)} ms`;

function drawRegions(lot) {
    const { units, config } = board.picture;
    const rows = new Map((lot?.units ?? []).map((row) => [row.unit, row]));
    const most = Math.max(1, ...[...rows.values()].map((row) => sum(Object.values(row.parts), (one) => one)));
    keep(find("#regionBars"), units, (unit) => unit.id,
        () => make("div", { class: "regionBar" }, make("span"), make("div")),
        (bar, unit) => {
            const parts = Object.entries(partNames)
                .map(([kind, name]) => ({
                    key: kind, kind, name, value: rows.get(unit.id)?.parts[kind] ?? 0, shade: 0 }))
                .filter((part) => part.value > 0);
            write(bar.firstElementChild, unit.name);
            drawBar(bar.lastElementChild, parts, most, `${unit.name}: ${inWords(parts) || "nothing"}`, true);
        });
    const kinds = Object.entries(partNames).map(([kind, name]) => ({
        key: kind, kind, name, shade: 0, value: [...rows.values()].reduce((sum, row) => sum + row.parts[kind], 0) }));
    drawLegend(find("#regionLegend"), kinds.filter((part) => part.value > 0));
    keep(find("#unitCards"), units, (unit) => unit.id,
        (unit) => make("li", { class: "card" },
            make("div", { class: "head" }, make("h3"), make("p", { class: "chip" })),
            make("dl", { class: "facts" }), unitActs(unit.id)),
        (card, unit) => {
            const row = rows.get(unit.id);
            const isAway = isSilent(unit);
            const chip = card.querySelector(".chip");
            write(card.querySelector("h3"), unit.name);
            const isStranded = Boolean(row?.standing.startsWith("stranded"));
            write(chip, unit.isDrained ? "drained" : isAway ? "silent" : isStranded ? "stranded" : "reports");
            chip.classList.toggle("bad", isAway || isStranded);
            const isBehind = unit.configVersion !== config.version;
            facts(card.querySelector("dl"), [
                { name: "Region", value: unit.region },
                { name: "Quota", value: number(row?.parts.quota) },
                { name: "Paid, held", value: `${number(row?.parts.paid)}, ${number(row?.parts.held)}` },
                { name: "Sold per second", value: pace(row?.soldPerSecond) },
                { name: "Requests per second", value: pace(row?.offeredPerSecond) },
                { name: "Waiting for quota", value: number(row?.starved), bad: row?.starved > 0 },
                { name: "Last word", value: ago(unit.silentMilliseconds), bad: isAway },
                { name: "Clock", value: clockText(unit.clock), bad: unit.clock && unit.clock.state !== "synced" },
                { name: "Redis", value: `${number(unit.primed)} of ${count(unit.lots, "lot")} loaded`,
                    bad: unit.primed < unit.lots },
                { name: "Ledger", value: `position ${number(unit.position)}, generation ${number(unit.generation)}` },
                { name: "Configuration", value: `version ${number(unit.configVersion)}`, bad: isBehind },
                { name: "Load", value: loadText(unit.load) },
            ]);
            updateUnitActs(card, unit);
        });
}

function drawContest(lot) {
    const contest = lot?.contest;
    show(find("#contestNone"), !contest);
    show(find("#contestSome"), Boolean(contest));
    if (!contest) return;
    const behind = contest.frontierMicroseconds
        ? board.picture.atMilliseconds - contest.frontierMicroseconds / 1_000 : null;
    facts(find("#contestTiles"), [
        { name: "Policy", value: contest.policy },
        { name: "Stock to give", value: number(lot.parts.pool) },
        { name: "Coming back", value: number(contest.coming) },
        { name: "May still return", value: number(contest.mayReturn) },
        { name: "Decided", value: number(contest.decided) },
        { name: "In the line", value: number(contest.line) },
        { name: "Decisions", value: number(contest.batches) },
        { name: "Frontier behind by", value: behind === null ? "–" : short(Math.max(0, Math.round(behind))) },
        ...(lot.isFrozen ? [{ name: "Frozen", value: "by an operator", bad: true }] : []),
    ]);
    const points = board.history.get(lot.id) ?? [];
    drawTrace(find("#lineChart"), points, (point) => point.line, number);
    drawTrace(find("#decidedChart"), points, (point) => point.decidedPace, pace);
}

function drawConfiguration() {
    drawRules(chosen().sale);
    const { config, units, epoch, coordinatorEpoch, coordinator } = board.picture;
    facts(find("#configTiles"), [
        { name: "Version", value: number(config.version) },
        { name: "Rollout", value: config.isStopped ? "stopped" : config.isUrgent ? "urgent" : "unit by unit",
            bad: config.isStopped },
        { name: "Epoch of the center", value: number(epoch) },
        { name: "Epoch of the coordinator", value: coordinator ? number(coordinatorEpoch) : "none leads",
            bad: !coordinator },
    ]);
    write(find("#configNote"), config.refusal ? `Refused by ${config.refusal}` : "");
    keep(find("#rollout"), units, (unit) => unit.id,
        () => make("li", {}, make("span"), make("b", { class: "number" })),
        (item, unit) => {
            const isThere = unit.configVersion === config.version;
            write(item.firstElementChild, unit.name);
            write(item.lastElementChild, `${number(unit.configVersion)}, ${isThere ? "current" : "behind"}`);
            item.lastElementChild.classList.toggle("trouble", !isThere);
        });
}

const slowness = (microseconds) => isGiven(microseconds) ? `${number(Math.round(microseconds / 100) / 10)} ms` : "–";
const refusalsText = (refused) => Object.entries(refused).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([code, times]) => `${code} ${number(times)}`).join(", ");
const stageNames = { unit: "one unit", region: "its region", all: "all units" };

/** The chosen sale's rules by unit, if they differ. */
const rulesNow = (id) => (board.picture.rules ?? []).find((one) => one.sale === id);

function drawRules(sale) {
    const rules = sale ? rulesNow(sale.id) : undefined;
    show(find("#rulesCard"), Boolean(rules));
    if (!rules) return;
    const { staged } = rules;
    write(find("#rulesStage"), staged ? (staged.held ? "held" : `watched: ${stageNames[staged.stage]}`) : "variants");
    find("#rulesStage").classList.toggle("bad", Boolean(staged?.held));
    write(find("#rulesNote"), rules.alike ? "A lot is contested: every unit has the sale's own rules."
        : !staged ? "The results are side by side in the sale's report."
            : `New rules came to ${staged.unit} first; now ${stageNames[staged.stage]}, `
                + `${staged.next ? `then ${stageNames[staged.next]}` : "the last stage"}. Watched for `
                + `${number(Math.floor(staged.watchedMilliseconds / 1_000))} of `
                + `${number(Math.floor(staged.watchMilliseconds / 1_000))} s. New rules: `
                + `${count(staged.new.answered, "purchase")}, 99 % within ${slowness(staged.new.p99Microseconds)}. `
                + "Old ones: "
                + `${count(staged.old.answered, "purchase")}, ${slowness(staged.old.p99Microseconds)}.`);
    write(find("#rulesHeld"), staged?.held ? `Held: ${staged.held.detail}.` : "");
    keep(find("#ruleRows"), rules.units, (one) => one.unit,
        () => make("tr", {}, make("th", { scope: "row" }), make("td"), make("td"), make("td", { class: "number" }),
            make("td", { class: "number" }), make("td"), make("td", { class: "number" }),
            make("td", { class: "number" })),
        (row, one) => [`${one.unit} (${one.region})`,
            one.variant ?? (one.hasNewRules ? "new" : "the sale's"),
            Object.entries(one.limits).map(([lot, limit]) => `${lot}: ${number(limit)}`).join(", "),
            number(one.figures.answered), number(one.figures.ordered), refusalsText(one.figures.refused),
            slowness(one.figures.p50Microseconds), slowness(one.figures.p99Microseconds)]
            .forEach((text, place) => write(row.children[place], text)));
    drawRuleActs(sale, staged);
}

function drawStranded() {
    const { stranded, alarms, moves } = board.picture;
    show(find("#strandedNone"), stranded.length === 0);
    keep(find("#strandedCards"), stranded, strandedKey,
        (one) => make("li", { class: "card" }, make("h3"), make("dl", { class: "facts" }), strandedActs(one)),
        (card, one) => {
            write(card.querySelector("h3"), `${nameOf(one.unit)}, lot ${one.lot}`);
            facts(card.querySelector("dl"), [
                { name: "Items", value: number(one.quantity) },
                { name: "Generation", value: number(one.generation) },
                { name: "Its ledger shows", value: isGiven(one.shown) ? `${number(one.shown)} sold` : "nothing yet" },
                { name: "Why", value: one.reason },
            ]);
        });
    lines(find("#alarms"), [...alarms].reverse());
    lines(find("#moves"), [...moves].reverse().map((move) =>
        `lot ${move.lot}: ${number(move.moved)} of ${number(move.asked)} from ${nameOf(move.from)} to `
        + `${nameOf(move.to)}, ${move.isDone ? "done" : "under way"}`));
}

function lines(parent, texts) {
    const shown = texts.length ? texts : ["None since this center leads."];
    keep(parent, shown.map((text, place) => ({ text, place })), (line) => line.place, () => make("li"),
        (item, line) => write(item, line.text));
}

/** Reads a list from the center when the operator asks for it. */
async function readList(button, path, body, rowOf) {
    button.disabled = true;
    try {
        const { document: entries } = await call("GET", path);
        body.replaceChildren(...entries.slice(0, 100).map((entry) => make("tr", {}, ...rowOf(entry))));
        show(body.parentElement, true);
        announce(count(entries.length, "entry", "entries"));
    } catch (error) {
        const why = make("td", { colspan: 5, class: "trouble" }, `${error.code}: ${error.message}`);
        body.replaceChildren(make("tr", {}, why));
        show(body.parentElement, true);
    }
    button.disabled = false;
}

const time = (at) => moment(at / 1_000);
const cells = (...texts) => texts.map((text) => make("td", {}, String(text)));

document.addEventListener("DOMContentLoaded", () => {
    find("#readVersions").addEventListener("click", (event) => readList(
        event.target, "/v1/config/versions", find("#versionRows"), (entry) => [
            make("td", { class: "number" }, number(entry.version)), ...cells(time(entry.at), entry.actor, entry.note),
            make("td", {}, versionAct(entry.version) ?? "")]));
    find("#readAudit").addEventListener("click", (event) => readList(
        event.target, "/v1/audit", find("#auditRows"),
        (entry) => cells(time(entry.at), entry.actor, entry.action,
            entry.before || entry.after ? `${entry.detail} (${entry.before} → ${entry.after})` : entry.detail)));
});
