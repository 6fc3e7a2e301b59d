"use strict";
// Acts of operators: first what would change, in figures, then a typed confirmation. Each act has a key, so a
// repetition after a lost answer takes effect once.

const stepNames = {
    warm: "Warm up", open: "Open", pause: "Pause", resume: "Resume", close: "Close", settle: "Settle",
};
/** The act of the open dialog: its definition, its key, what `prepare` read, and what was sent without an outcome. */
let acting = null;

const randomKey = () => Array.from(
    crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const button = (text, press, more = {}) => {
    const element = make("button", { type: "button", ...more }, text);
    element.addEventListener("click", press);
    return element;
};
const lotsOf = (sale) => board.picture.lots.filter((lot) => lot.sale === sale.id);
const lotNow = (id) => board.picture.lots.find((lot) => lot.id === id);
const fromTo = (before, after) => `${number(before)} → ${number(after)}`;
const sum = (items, figure) => items.reduce((total, item) => total + figure(item), 0);

// MARK: The dialog

/**
 * Opens the dialog. `act` has `title`, `word`, `go`, `plan` and `send`, and may have `fields`, `danger`, `prepare`.
 * `plan` and `send` also get the center's time at which the act counts as sent.
 */
async function ask(act) {
    acting = { act, key: randomKey(), context: null, isBusy: false, sent: null };
    const mine = acting;
    write(find("#actTitle"), act.title);
    write(find("#word"), act.word);
    write(find("#actGo"), act.go);
    write(find("#actDanger"), act.danger ?? "");
    find("#actGo").classList.toggle("danger", Boolean(act.danger));
    find("#actFields").replaceChildren(...(act.fields ?? []).map(field));
    find("#typed").value = "";
    write(find("#actNote"), "");
    keep(find("#plan"), [], String);
    find("#act").showModal();
    (find("#actFields :is(input, select)") ?? find("#typed")).focus();
    await prepare(mine);
}

function field({ name, label, type = "number", value, options, isOn, ...more }) {
    const id = `field-${name}`;
    if (type === "check") {
        return make("label", { class: "check" }, make("input", { id, name, type: "checkbox", checked: isOn }), label);
    }
    const choice = ([key, text]) => make("option", { value: key, selected: key === value }, text);
    const control = options
        ? make("select", { id, name }, ...options.map(choice))
        : make("input", { id, name, type, value, inputmode: "numeric", autocomplete: "off", ...more });
    return make("label", { for: id }, label, control);
}

/** Reads what the plan needs, anew after each change of the configuration. */
async function prepare(mine) {
    Object.assign(mine, { isBusy: true, context: null });
    refreshPlan();
    try {
        mine.context = await mine.act.prepare?.() ?? {};
    } catch (error) {
        if (mine === acting) write(find("#actNote"), `${error.code}: ${error.message}`);
    }
    mine.isBusy = false;
    if (mine === acting) refreshPlan();
}

function values() {
    const all = {};
    for (const control of document.querySelectorAll("#actFields :is(input, select)")) {
        all[control.name] = control.type === "checkbox" ? control.checked
            : control.type === "number" ? (control.value === "" ? NaN : Number(control.value)) : control.value;
    }
    return all;
}

/** Shows what would change now. A plan that throws a text is none, and the text says why. */
function refreshPlan() {
    if (!acting || !find("#act").open) return;
    let [lines, isPossible] = [["reading …"], false];
    if (acting.context && board.picture) {
        try {
            [lines, isPossible] = [acting.act.plan(values(), acting.context, acting.sent?.at ?? centerNow()), true];
        } catch (why) {
            lines = [typeof why === "string" ? why : "the figures are not there"];
        }
    } else if (!acting.isBusy) {
        lines = ["the figures could not be read"];
    }
    keep(find("#plan"), lines.map((text, place) => ({ text, place })), (line) => line.place, () => make("li"),
        (item, line) => write(item, line.text));
    find("#actGo").disabled = !isPossible || acting.isBusy || find("#typed").value.trim() !== acting.act.word;
}

async function carryOut() {
    const mine = acting;
    if (!mine || find("#actGo").disabled) return;
    mine.isBusy = true;
    // The key stands for what was sent first: a repetition sends the same.
    mine.sent ??= { given: values(), at: centerNow() };
    fixFields(true);
    write(find("#actNote"), "");
    refreshPlan();
    try {
        const { given, at } = mine.sent;
        const headers = { "Idempotency-Key": mine.key, ...(mine.act.kind ? why(given) : {}) };
        const answer = await mine.act.send(given, mine.context, headers, at);
        if (mine === acting) find("#act").close();
        tellOutcome(isProposal(answer)
            ? `${mine.act.title}: proposal ${answer.document.proposal.id} waits for a second person.`
            : `Done: ${mine.act.title}.`);
    } catch (error) {
        await hearRefusal(mine, error);
    }
}

async function hearRefusal(mine, error) {
    const why = `${error.code}: ${error.message}`;
    if (mine !== acting) return tellOutcome(`${mine.act.title}: ${why}`);
    const isUnknown = error.status === 0;
    write(find("#actNote"), `${why}${isUnknown ? ". Press again: the act takes effect once." : ""}`);
    if (!isUnknown) {
        mine.sent = null;
        fixFields(false);
    }
    if (error.status === 412) {
        find("#typed").value = ""; // somebody else changed something: look at the plan again
        await prepare(mine);
    }
    mine.isBusy = false;
    refreshPlan();
}

/** An outcome is told, also if the dialog was closed meanwhile, but to nobody who has signed out. */
function tellOutcome(text) {
    if (board.isIn) write(find("#done"), text);
}

function fixFields(isFixed) {
    for (const control of document.querySelectorAll("#actFields :is(input, select)")) control.disabled = isFixed;
}

document.addEventListener("DOMContentLoaded", () => {
    find("#actForm").addEventListener("input", refreshPlan);
    find("#actForm").addEventListener("submit", (event) => {
        event.preventDefault();
        carryOut();
    });
    find("#actCancel").addEventListener("click", () => find("#act").close());
    find("#act").addEventListener("close", () => { acting = null; });
});

const whole = (value, least, most, what) => {
    if (!Number.isInteger(value) || value < least || value > most) throw `${what}: ${number(least)} to ${number(most)}`;
    return value;
};
const post = (path, body, headers) => call("POST", path, body, headers);

// MARK: Acts on a sale

function drawSaleActs(sale, lot) {
    const acts = [
        ...(sale?.steps ?? []).map((step) => ({
            key: `step-${sale.id}-${step}`, kind: step, text: stepNames[step], isMain: step === "open" || step === "resume",
            press: () => ask(stepAct(sale.id, step)) })),
        ...(lot && sale && !["closed", "settled"].includes(sale.phase) ? [
            { key: `stock-${lot.id}`, kind: "addStock", text: "Add stock", press: () => ask(stockAct(lot.id, sale.id)) },
            ...(lot.contest || board.picture.units.length < 2 ? []
                : [{
                    key: `move-${lot.id}`, kind: "moveQuota", text: "Move quota",
                    press: () => ask(moveAct(lot.id, sale.id)) }]),
        ] : []),
        ...(lot && sale ? [{
            key: `freeze-${lot.id}-${lot.isFrozen}`, kind: "freeze", text: lot.isFrozen ? "End the freeze" : "Freeze decisions",
            press: () => ask(freezeAct(lot.id, sale.id, !lot.isFrozen)) }] : []),
        ...(sale && ["warming", "waiting", "open", "paused"].includes(sale.phase)
            ? [{
                key: `revoke-${sale.id}`, kind: "revoke", text: "Revoke tokens",
                press: () => ask(revokeAct(sale.id)) }] : []),
    ].filter((act) => may(act.kind));
    keep(find("#saleActs"), acts, (act) => act.key,
        (act) => button(act.text, act.press, { class: act.isMain ? "main" : null }));
}

const readSale = (id) => async () => {
    const { document: sale, version } = await call("GET", `/v1/sales/${encodeURIComponent(id)}`);
    return { sale, version };
};
const match = (context) => ({ "If-Match": `"${context.version}"` });

function stepAct(id, step) {
    return {
        title: `${stepNames[step]} ${id}`, word: id, go: `${stepNames[step]} the sale`, prepare: readSale(id), kind: step,
        danger: {
            close: "A closed sale never opens again.", settle: "A settled sale cannot be changed any more." }[step],
        fields: step === "open" ? [
            { name: "delay", label: "Opens in, in seconds", value: 10, min: 0, max: 2_592_000 },
            ...(may("forceOpen") ? [{ name: "force", label: "Open although something is missing", type: "check" }] : [])]
            : fieldsForTwo(step),
        plan: (given, context, at) => [...stepPlan(step, given, context.sale, at), ...planForTwo(step, given)],
        send: (given, context, headers, at) => post(`/v1/sales/${encodeURIComponent(id)}/${step}`,
            step === "open" ? {
                startsAtMilliseconds: at + 1_000 * given.delay, force: given.force } : {},
            { ...headers, ...match(context) }),
    };
}

function stepPlan(step, given, { sale, readiness, steps }, at) {
    if (!steps.includes(step)) throw `the sale is ${sale.state}: possible now: ${steps.join(", ") || "nothing"}`;
    const lots = lotsOf(sale);
    const parts = (kind) => number(sum(lots, (lot) => lot.parts[kind]));
    const sold = pace(sum(lots, (lot) => lot.soldPerSecond ?? 0));
    const left = sum(lots, (lot) => lot.parts.quota + lot.parts.pool);
    switch (step) {
    case "warm": return sale.lots.map((lot) => {
        const kept = Math.floor(lot.stock * lot.poolPermille / 1_000);
        return `lot ${lot.id}: ${number(lot.stock)} items are issued; about ${number(kept)} stay in the pool, `
            + "the rest goes to the units";
    });
    case "open": {
        whole(given.delay, 0, 2_592_000, "seconds until the opening");
        if (!readiness.isReady && !given.force) throw `not ready: ${readiness.missing.join("; ")}`;
        return [`buyers can buy from ${moment(at + 1_000 * given.delay)} on`,
            `${parts("quota")} items are with the units, ${parts("pool")} in the pool`,
            ...readiness.missing.map((one) => `missing: ${one}`)];
    }
    case "pause": return [`no new orders: ${sold} items per second are sold now`,
        `payments go on for the ${parts("held")} items that are held`];
    case "resume": return [`buyers can buy again: ${number(left)} items are left`];
    case "close": return [`no new orders, for good: ${sold} items per second are sold now`,
        `${number(left + sum(lots, (lot) => lot.parts.underWay))} items stay unsold`,
        `payments go on for the ${parts("held")} items that are held`];
    default: return [
        `${number(sum(lots, (lot) => lot.parts.paid + lot.parts.settled))} items are paid for`,
        `${parts("held")} are still held`,
        "the sale's secret is published, and its orders leave the units' memory"];
    }
}

function stockAct(id, sale) {
    return {
        title: `Add stock to lot ${id}`, word: sale, go: "Add stock", kind: "addMuchStock",
        fields: [{ name: "add", label: "Items to add", value: "", min: 1, max: 1_000_000_000 },
            ...fieldsForTwo("addMuchStock")],
        plan: ({ add }) => {
            const lot = lotNow(id);
            whole(add, 1, 1_000_000_000 - lot.issued, "items to add");
            // Only the center knows with how much the sale began.
            return [`issued: ${fromTo(lot.issued, lot.issued + add)}`,
                `in the pool: ${fromTo(lot.parts.pool, lot.parts.pool + add)}`,
                ...(isForTwo("addMuchStock")
                    ? ["more than a tenth of the first stock in all needs a reason, and a second person"] : [])];
        },
        send: ({ add }, _, headers) => post(`/v1/lots/${id}/stock`, { add }, headers),
    };
}

function moveAct(id, sale) {
    const units = board.picture.units.map((unit) => [String(unit.id), unit.name]);
    return {
        title: `Move quota of lot ${id}`, word: sale, go: "Move quota",
        fields: [{ name: "from", label: "From", options: units, value: units[0][0] },
            { name: "to", label: "To", options: units, value: units[1][0] },
            { name: "quantity", label: "Items", value: "", min: 1, max: 1_000_000_000 }],
        plan: ({ from, to, quantity }) => {
            const quota = (unit) => lotNow(id).units.find((row) => String(row.unit) === unit)?.parts.quota ?? 0;
            if (from === to) throw "choose two units";
            whole(quantity, 1, Math.max(1, quota(from)), "items");
            const taker = unitOf(Number(to));
            if (taker.isDrained) throw `${taker.name} is drained and gets no quota`;
            return [`${nameOf(Number(from))}: ${fromTo(quota(from), quota(from) - quantity)}`,
                `${taker.name}: ${fromTo(quota(to), quota(to) + quantity)}`,
                "at most: what is sold meanwhile is not moved"];
        },
        send: ({ from, to, quantity }, _, headers) =>
            post("/v1/quota/moves", { lot: id, from: Number(from), to: Number(to), quantity }, headers),
    };
}

function freezeAct(id, sale, frozen) {
    return {
        title: frozen ? `Freeze decisions about lot ${id}` : `End the freeze of lot ${id}`, word: sale,
        go: frozen ? "Freeze" : "End the freeze",
        plan: () => [frozen
            ? "coordinators move no quota of the lot and decide no contest; units sell the "
                + `${number(lotNow(id).parts.quota)} items that they hold`
            : "coordinators decide about the lot again"],
        send: (_, __, headers) => post(`/v1/lots/${id}/freeze`, { frozen }, headers),
    };
}

function revokeAct(id) {
    return {
        title: `Revoke the tokens of ${id}`, word: id, go: "Revoke tokens", prepare: readSale(id),
        danger: "Buyers who hold a token must ask for a new one.",
        plan: (_, { sale: { sale } }) => {
            const epoch = sale.revocationEpoch ?? 0;
            return [`revocation epoch: ${fromTo(epoch, epoch + 1)}`, "orders that exist stay"];
        },
        send: (_, context, headers) =>
            post(`/v1/sales/${encodeURIComponent(id)}/revocations`, {}, { ...headers, ...match(context) }),
    };
}

// MARK: Acts on units, on what is stranded, and on the configuration

function unitActs(id) {
    return make("div", { class: "acts" },
        button("Drain", () => ask(drainAct(id)), { "data-act": "drain" }),
        button("Strand", () => ask(strandAct(id)), { "data-act": "strand", class: "danger" }));
}

function updateUnitActs(card, unit) {
    write(card.querySelector("[data-act=drain]"), `${unit.isDrained ? "End the drain of" : "Drain"} ${unit.name}`);
    write(card.querySelector("[data-act=strand]"), `Strand ${unit.name}`);
    show(card.querySelector("[data-act=drain]"), may(unit.isDrained ? "undrain" : "drain"));
    show(card.querySelector("[data-act=strand]"), may("strand") && isSilent(unit)); // a unit that reports is drained instead
}

const rowsOf = (unit) => board.picture.lots.flatMap((lot) =>
    lot.units.filter((row) => row.unit === unit).map((row) => ({ lot, parts: row.parts })));

function drainAct(id) {
    const { name, isDrained } = unitOf(id);
    return {
        title: `${isDrained ? "End the drain of" : "Drain"} ${name}`, word: name,
        go: isDrained ? "End the drain" : "Drain",
        plan: () => {
            if (isDrained) return [`${name} can get quota again`];
            const held = rowsOf(id).filter((row) => row.parts.quota > 0);
            if (held.length === 0) return [`${name} holds no quota, and gets none`];
            return held.map(({ lot, parts }) => `lot ${lot.id}: ${number(parts.quota)} items return; `
                + `pool ${fromTo(lot.parts.pool, lot.parts.pool + parts.quota)}`);
        },
        send: (_, __, headers) => post(`/v1/units/${id}/${isDrained ? "undrain" : "drain"}`, {}, headers),
    };
}

function strandAct(id) {
    const { name } = unitOf(id);
    return {
        title: `Strand ${name}`, word: name, go: "Strand",
        danger: "Only for a unit that is lost. What it held can be sold again after a settlement only.",
        plan: () => {
            if (!isSilent(unitOf(id))) throw "it reports again: drain it instead";
            const itemsOf = ({ paid, held, quota, underWay, unheard }) => paid + held + quota + underWay + unheard;
            const rows = rowsOf(id).map(({ lot, parts }) => ({ lot, items: itemsOf(parts) }));
            const held = rows.filter((row) => row.items > 0);
            if (held.length === 0) return [`${name} holds nothing`];
            return held.map(({ lot, items }) => `lot ${lot.id}: ${number(items)} items wait for settlement; `
                + `stranded ${fromTo(lot.parts.stranded, lot.parts.stranded + items)}`);
        },
        send: (_, __, headers) => post(`/v1/units/${id}/strand`, { onlySilent: true }, headers),
    };
}

function strandedActs(one) {
    const text = `Settle lot ${one.lot} of ${nameOf(one.unit)}`;
    return make("div", { class: "acts" }, may("settleQuota") ? button(text, () => ask(settleAct(one))) : null);
}

const strandedKey = (one) => `${one.lot}-${one.unit}-${one.generation}`;
/** An account as the newest picture has it. */
const strandedNow = (one) => board.picture.stranded.find((other) => strandedKey(other) === strandedKey(one));

/** The card of an account stays, while its figures change. */
function settleAct(one) {
    const { lot: id, unit, generation, shown } = strandedNow(one) ?? one;
    return {
        title: `Settle lot ${id} of ${nameOf(unit)}`, word: nameOf(unit), go: "Settle", kind: "settleQuota",
        danger: "A count that is too low sells items twice.",
        fields: [{ name: "sold", label: "Items that were sold", value: shown ?? "", min: 0 },
            ...fieldsForTwo("settleQuota")],
        plan: ({ sold, ...given }) => {
            const present = strandedNow(one);
            if (!present) throw "it does not wait for a settlement any more";
            whole(sold, 0, present.quantity, "items that were sold");
            const pool = lotNow(id)?.parts.pool ?? 0;
            const back = present.quantity - sold;
            return [`${number(sold)} of ${number(present.quantity)} count as sold`
                + (isGiven(present.shown) ? `; its ledger shows ${number(present.shown)}` : ""),
                `${number(back)} return; pool ${fromTo(pool, pool + back)}`, ...planForTwo("settleQuota", given)];
        },
        send: ({ sold }, _, headers) => post("/v1/quota/settle", { lot: id, unit, generation, sold }, headers),
    };
}

// MARK: Acts on a rollout of rules

const rolloutActs = {
    "go-on": { text: "Go on", kind: "differRules", go: "Take the next stage" },
    watch: { text: "Watch once more", kind: "holdRollout", go: "Watch" },
    hold: { text: "Hold", kind: "holdRollout", go: "Hold" },
    "roll-back": { text: "Roll back", kind: "differRules", go: "Roll back" },
    finish: { text: "Finish", kind: "differRules", go: "Finish" },
};

function drawRuleActs(sale, staged) {
    const acts = staged ? Object.entries(rolloutActs)
        .filter(([name, act]) => may(act.kind) && (name !== "hold" || !staged.held))
        .map(([name, act]) => ({ key: `${sale.id}-${name}`, name, ...act })) : [];
    keep(find("#ruleActs"), acts, (act) => act.key,
        (act) => button(act.text, () => ask(rolloutAct(sale.id, act.name)),
            { class: act.name === "roll-back" ? "danger" : null }));
}

function rolloutAct(id, name) {
    const { text, go } = rolloutActs[name];
    return {
        title: `${text}: new rules of ${id}`, word: id, go, prepare: readSale(id),
        danger: name === "finish" ? "Every unit gets the new rules at once, watched or not." : "",
        fields: [{
            name: "reason", label: "Why, for the audit trail", type: "text", value: "", inputmode: "text", maxlength: 200 }],
        plan: ({ reason }) => {
            const staged = rulesNow(id)?.staged;
            if (!staged) throw "no new rules are on their way any more";
            if (!reason.trim()) throw "say why";
            const places = rulesNow(id).units.filter((one) => one.hasNewRules).map((one) => one.unit).join(", ");
            const lines = [`the new rules are at: ${places || "no unit"}`];
            if (staged.held) lines.push(`held: ${staged.held.detail}`);
            switch (name) {
            case "go-on": return [...lines, staged.next ? `the next stage: ${stageNames[staged.next]}`
                : "this was the last stage: the new rules become the sale's"];
            case "watch": return [...lines, "the stage is watched once more, from the beginning"];
            case "hold": return [...lines, "it stays so until an operator goes on"];
            case "roll-back": return [...lines, "every unit gets the old rules back, as a new version"];
            default: return [...lines, "the new rules become the sale's, at every unit"];
            }
        },
        send: ({ reason }, context, headers) => post(`/v1/sales/${encodeURIComponent(id)}/staged/${name}`,
            { reason: reason.trim() }, { ...headers, ...match(context) }),
    };
}

function versionAct(version) {
    if (!may("rollBack")) return null;
    return button(`Restore the rules of ${number(version)}`, () => ask({
        title: `Restore the rules of version ${version}`, word: String(version), go: "Restore",
        prepare: async () => ({ version: (await call("GET", "/v1/config")).version }),
        plan: (_, context) => {
            if (Number(context.version) === version) throw "this version is in force";
            return [`a new version ${number(Number(context.version) + 1)} with the rules of version ${number(version)}`,
                "states, homes, units and stock of sales stay as they are"];
        },
        send: (_, context, headers) => post("/v1/config/rollback", { version }, { ...headers, ...match(context) }),
    }));
}
