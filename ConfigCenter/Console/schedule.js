"use strict";
// The schedule of the chosen sale: which step comes when, what is in its way, and the acts on it.

const timetableAge = 2_000; // what is in the way of a step changes without a version
/** The chosen sale as the center last told it, for steps that a picture does not have. */
const timetable = { sale: null, version: null, readAt: -Infinity, isBusy: false, document: null };

function drawSchedule(sale) {
    show(find("#scheduleCard"), Boolean(sale));
    if (!sale) return;
    const { version } = board.picture.config;
    if (timetable.sale !== sale.id) Object.assign(timetable, { sale: sale.id, document: null, readAt: -Infinity });
    // Without steps to come nothing changes but by a new version.
    const isLive = !timetable.document || timetable.document.schedule?.steps.some((step) => step.standing !== "done");
    const isOld = timetable.version !== version || (isLive && performance.now() - timetable.readAt > timetableAge);
    if (isOld && !timetable.isBusy) readTimetable(sale.id, version);
    drawTimetable(sale);
}

async function readTimetable(id, version) {
    timetable.isBusy = true;
    try {
        const { document: read } = await call("GET", `/v1/sales/${encodeURIComponent(id)}`);
        if (timetable.sale === id) Object.assign(timetable, { document: read, version });
    } catch { /* the next picture asks again, and says if the center is away */ }
    Object.assign(timetable, { isBusy: false, readAt: performance.now() });
    if (board.picture && chosen().sale?.id === id) drawTimetable(chosen().sale);
}

function drawTimetable(sale) {
    const steps = timetable.document?.schedule?.steps ?? [];
    write(find("#scheduleNote"), !timetable.document ? "reading …"
        : steps.length === 0 ? "Operators take each step."
            : "The center takes these steps by itself. A step that you hold waits for you.");
    keep(find("#scheduleSteps"), steps, (step) => `${sale.id}-${step.step}`,
        (step) => make("li", {}, make("b", {}, stepNames[step.step]), make("span"), make("span", { class: "chip" }),
            make("span", { class: "soft" }), button("", () => ask(holdAct(sale.id, step.step)))),
        (line, step) => {
            const [, at, chip, why, press] = line.children;
            write(at, moment(step.atMilliseconds));
            write(chip, step.standing);
            chip.classList.toggle("bad", ["blocked", "missed", "held"].includes(step.standing));
            write(why, step.reasons.join("; "));
            const isHeld = step.standing === "held";
            write(press, `${isHeld ? "Release" : "Hold"} ${stepNames[step.step].toLowerCase()}`);
            show(press, ["waiting", "due", "blocked", "held"].includes(step.standing)
                && may(isHeld && ["close", "settle"].includes(step.step) ? "releaseEnd" : "hold"));
        });
    const acts = [
        { key: `edit-${sale.id}`, kind: "editSale", text: "Change the times",
            isShown: !["closed", "settled"].includes(sale.phase),
            press: () => ask(timesAct(sale.id)) },
        { key: `delete-${sale.id}`, kind: "deleteSale", text: "Delete the draft", isShown: sale.phase === "draft",
            press: () => ask(deletionAct(sale.id)) },
    ].filter((act) => act.isShown && may(act.kind));
    keep(find("#scheduleActs"), acts, (act) => act.key, (act) => button(act.text, act.press));
}

function holdAct(id, step) {
    const standing = () => timetable.document?.schedule?.steps.find((one) => one.step === step)?.standing;
    const isHeld = standing() === "held";
    const name = stepNames[step].toLowerCase();
    return {
        title: `${isHeld ? "Release" : "Hold"} the step ${name} of ${id}`, word: id, go: isHeld ? "Release" : "Hold",
        plan: () => [isHeld ? "the center takes the step at its time, and at once if that has come"
            : "the center does not take the step until you release it; you can take it by hand"],
        send: (_, __, headers) => call(isHeld ? "DELETE" : "PUT",
            `/v1/sales/${encodeURIComponent(id)}/holds/${step}`, undefined, headers),
    };
}

function timesAct(id) {
    const known = timetable.document?.sale;
    const schedule = known?.schedule;
    const length = known ? (known.endsAtMilliseconds - known.startsAtMilliseconds) / minuteLength : 60;
    return {
        title: `Change the times of ${id}`, word: id, go: "Change the times", prepare: readSale(id),
        fields: [
            { name: "start", label: "Opens, in UTC", type: "datetime-local", step: 1, inputmode: null,
                value: fieldTime(known?.startsAtMilliseconds ?? centerNow()) },
            { name: "minutes", label: "Lasts, in minutes", value: Math.round(length * 10) / 10, min: 0.1, step: "any" },
            { name: "scheduled", label: "The center takes the steps by itself", type: "check", isOn: Boolean(schedule) },
            { name: "warm", label: "Warms up before the start, in seconds", min: 2, max: 604_800,
                value: (schedule?.warmBeforeMilliseconds ?? 1_800_000) / 1_000 },
            { name: "late", label: "The opening may be late, in seconds", min: 0, max: 600,
                value: (schedule?.openLateMilliseconds ?? 30_000) / 1_000 },
        ],
        plan: (given, { sale }) => {
            const next = editedTimes(sale.sale, given);
            return [`opens: ${moment(sale.sale.startsAtMilliseconds)} → ${moment(next.startsAtMilliseconds)}`,
                `ends: ${moment(sale.sale.endsAtMilliseconds)} → ${moment(next.endsAtMilliseconds)}`,
                next.schedule ? `warms up ${moment(next.startsAtMilliseconds - next.schedule.warmBeforeMilliseconds)} by itself`
                    : "operators take each step"];
        },
        send: (given, context, headers) => call("PUT", `/v1/sales/${encodeURIComponent(id)}`,
            editedTimes(context.sale.sale, given), { ...headers, ...match(context) }),
    };
}

/** The sale with the times that were typed. Throws a text that says what is wrong. */
function editedTimes(sale, { start, minutes, scheduled, warm, late }) {
    const startsAt = momentOf(start);
    if (Number.isNaN(startsAt)) throw "opens at: a date and a time";
    if (!(minutes >= 0.1 && minutes <= 5_256_000)) throw "minutes that it lasts: 0.1 to 5,256,000";
    const before = 1_000 * whole(warm, 2, 604_800, "seconds before the start in which it warms up");
    return {
        ...sale, startsAtMilliseconds: startsAt, endsAtMilliseconds: startsAt + Math.round(minutes * minuteLength),
        schedule: scheduled ? {
            ...sale.schedule, warmBeforeMilliseconds: before,
            openBeforeMilliseconds: Math.min(before, sale.schedule?.openBeforeMilliseconds ?? 10_000),
            openLateMilliseconds: 1_000 * whole(late, 0, 600, "seconds that the opening may be late") } : null,
    };
}

function deletionAct(id) {
    return {
        title: `Delete the draft ${id}`, word: id, go: "Delete", prepare: readSale(id),
        danger: "A draft that is deleted is gone.",
        plan: (_, { sale }) => {
            if (sale.sale.state !== "draft") throw `the sale is ${sale.sale.state}: only drafts are deleted`;
            return ["its lots and rules are removed from the configuration; nothing of it was issued"];
        },
        send: (_, context, headers) =>
            call("DELETE", `/v1/sales/${encodeURIComponent(id)}`, undefined, { ...headers, ...match(context) }),
    };
}
