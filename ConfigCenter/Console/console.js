"use strict";
// The operators' console. It reads one stream of pictures of the center, and acts by the same addresses as the
// commands. Text of the center is only ever put into text nodes. The scripts of the page share these names.

// MARK: Limits

const historyLength = 300; // pictures that charts remember, one a second
const lateAfter = 3_000; // without a picture for this long, figures are old
const awayAfter = 8_000; // and after this the stream is asked for anew
const longestPause = 10_000;
const answerLimit = 15_000;
const pictureLimit = 8 << 20; // characters of one event

// MARK: State

const storageKey = "tranche:console";
const board = {
    picture: null, arrivedAt: 0, attemptAt: 0, lot: null, history: new Map(), reading: null, isIn: false, state: "out",
    me: null,
};
/** What a reload must not lose. The credential stays in this window. */
let saved = { secret: "", actor: "" };

const find = (selector) => document.querySelector(selector);
/** The center's time now: a picture may be some seconds old. */
const centerNow = () => Math.round(board.picture.atMilliseconds + performance.now() - board.arrivedAt);
const sleep = (time) => new Promise((done) => setTimeout(done, time));

function restore() {
    try {
        saved = { ...saved, ...JSON.parse(sessionStorage.getItem(storageKey) ?? "null") };
        return sessionStorage.getItem(storageKey) !== null;
    } catch {
        return false; // an unreadable state is as good as none
    }
}

// MARK: Elements

/** An element with its attributes and children. A text becomes a text node. */
function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
        if (value === true) element.setAttribute(key, "");
        else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

/** Writes only what differs: a selection, and a screen reader's place, stay where they are. */
function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

function show(element, isShown) {
    if (element.hidden === isShown) element.hidden = !isShown;
}

/** Keeps one child for each item, by its key: what has the focus keeps it. */
function keep(parent, items, keyOf, create, update) {
    const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
    let place = parent.firstElementChild;
    for (const item of items) {
        const key = String(keyOf(item));
        let child = known.get(key);
        known.delete(key);
        if (!child) {
            child = create(item);
            child.dataset.key = key;
        }
        if (child === place) place = place.nextElementSibling;
        else parent.insertBefore(child, place);
        update?.(child, item);
    }
    for (const child of known.values()) child.remove();
}

/** A list of terms and figures; `bad` marks what needs an eye. */
function facts(list, entries) {
    keep(list, entries, (entry) => entry.name,
        (entry) => make("div", {}, make("dt", {}, entry.name), make("dd")),
        (child, entry) => {
            write(child.lastElementChild, entry.value);
            child.lastElementChild.classList.toggle("bad", Boolean(entry.bad));
            child.classList.toggle("bad", Boolean(entry.bad));
        });
}

// MARK: Texts

const digits = new Intl.NumberFormat("en");
const isGiven = (value) => value !== null && value !== undefined; // the center leaves out what it does not know
const number = (value) => (isGiven(value) ? digits.format(value) : "–");
const pace = (value) => number(isGiven(value) ? (value < 100 ? Math.round(value * 10) / 10 : Math.round(value)) : null);
const moment = (milliseconds) => {
    const date = new Date(milliseconds);
    return Number.isNaN(date.valueOf()) ? "–" : date.toISOString().replace("T", " ").slice(0, 19) + " UTC";
};
const count = (value, one, many = one + "s") => `${number(value)} ${value === 1 ? one : many}`;

function span(seconds) {
    if (!isGiven(seconds)) return "–";
    if (seconds < 90) return `${Math.round(seconds)} s`;
    if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
    return `${Math.round(seconds / 86_400)} days`;
}

const short = (milliseconds) => (milliseconds < 2_000 ? `${number(milliseconds)} ms` : span(milliseconds / 1_000));
const ago = (milliseconds) => (isGiven(milliseconds) ? `${short(milliseconds)} ago` : "never");

/** Whether the role of whoever is signed in may do an act of this kind. The center decides; this only hides what it refuses. */
const may = (kind) => Boolean(board.me?.may.includes(kind));

function announce(text) { write(find("#live"), text); }

// MARK: Calls

const fields = () => ({
    ...(saved.secret ? { Authorization: `Bearer ${saved.secret}` } : {}),
    ...(saved.actor ? { "X-Tranche-Actor": saved.actor } : {}),
});

/** A refusal of the center, or no answer at all (`status` 0). */
class CallError extends Error {
    constructor(status, code, detail) {
        super(detail);
        this.status = status;
        this.code = code;
    }
}

async function refusal(response) {
    let body = {};
    try { body = await response.json(); } catch { /* not every proxy answers with a problem document */ }
    return new CallError(response.status, body.code ?? `status ${response.status}`, body.detail ?? response.statusText);
}

/** A browser may keep its certificate to itself where a page leaves credentials out (Fetch, "credentials mode"). */
const manner = { cache: "no-store", credentials: "same-origin", redirect: "error" };

/** One call, with its answer's document and the version that its tag names. */
async function call(method, path, body, more = {}) {
    let response;
    try {
        response = await fetch(path, {
            method, ...manner, signal: AbortSignal.timeout(answerLimit),
            headers: { ...fields(), ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...more },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
    } catch {
        throw new CallError(0, "no_answer", "the center did not answer in time; it may have carried the act out");
    }
    if (!response.ok) throw await refusal(response);
    const version = /"(\d+)"/.exec(response.headers.get("ETag") ?? "")?.[1];
    return { document: response.status === 204 ? null : await response.json(), version };
}

// MARK: The stream

/** Reads events until the stream ends (WHATWG HTML, section 9.2, as far as the center uses it). */
async function readEvents(body, hear) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    while (true) {
        const { value, done } = await reader.read();
        if (done) return;
        rest += value;
        const events = rest.split("\n\n");
        rest = events.pop();
        if (rest.length > pictureLimit) throw new CallError(0, "too_long", "an event is longer than any picture");
        for (const event of events) {
            const lines = event.split("\n");
            const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
            const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
            if (data) hear(name, JSON.parse(data));
        }
    }
}

function hear(name, data) {
    if (name === "trouble") return tell("late", `the center has no picture: ${data.detail}`);
    if (name !== "picture") return;
    board.picture = data;
    board.arrivedAt = performance.now();
    remember(data);
    tell("live", "live");
    draw();
}

function remember(picture) {
    for (const lot of picture.lots) {
        const points = board.history.get(lot.id) ?? [];
        const last = points[points.length - 1];
        const passed = last ? (picture.atMilliseconds - last.at) / 1_000 : 0;
        points.push({
            at: picture.atMilliseconds, sold: lot.soldPerSecond ?? 0, left: lot.parts.pool + lot.parts.quota,
            line: lot.contest?.line ?? 0, decided: lot.contest?.decided ?? 0,
            decidedPace: last && passed > 0 ? Math.max(0, ((lot.contest?.decided ?? 0) - last.decided) / passed) : 0,
        });
        if (points.length > historyLength) points.shift();
        board.history.set(lot.id, points);
    }
    for (const id of board.history.keys()) {
        if (!picture.lots.some((lot) => lot.id === id)) board.history.delete(id);
    }
}

/** Shows how the stream is: `live`, `late`, `away` or `out`. */
function tell(state, text) {
    document.documentElement.dataset.state = state;
    write(find("#stateText"), text);
    if (board.state !== state) {
        board.state = state;
        if (state === "late" || state === "away") announce(text);
        if (state === "live") announce("live");
    }
}

const visible = () => document.hidden
    ? new Promise((done) => document.addEventListener("visibilitychange", done, { once: true })) : null;

/** Follows the center until the operator signs out. */
async function follow() {
    const reading = new AbortController();
    board.reading?.abort();
    board.reading = reading;
    let failures = 0;
    while (!reading.signal.aborted) {
        await visible(); // a window that nobody sees is no watcher
        const attempt = new AbortController();
        const end = () => attempt.abort();
        reading.signal.addEventListener("abort", end);
        board.attempt = attempt;
        const beganAt = performance.now();
        try {
            board.attemptAt = beganAt;
            const response = await fetch("/v1/console/events", {
                headers: fields(), ...manner, signal: attempt.signal });
            if (!response.ok) throw await refusal(response);
            board.me = (await call("GET", "/v1/operator")).document;
            failures = 0;
            enter();
            await readEvents(response.body, hear);
            failures = performance.now() - beganAt > lateAfter ? 0 : failures + 1;
        } catch (error) {
            if (reading.signal.aborted) return;
            if (error.status === 401 || error.status === 403) return leave(error.message);
            failures += 1;
            const why = error instanceof CallError ? `${error.code}: ${error.message}` : "the center does not answer";
            tell("away", why);
            if (!board.isIn) write(find("#signInNote"), why);
        } finally {
            reading.signal.removeEventListener("abort", end);
            attempt.abort(); // after a failure behind its answer the stream would stay open
        }
        if (failures > 0) await sleep(Math.min(longestPause, 500 * 2 ** failures) * (0.75 + Math.random() / 2));
    }
}

/** Figures grow old while no picture comes. */
function watchAge() {
    if (!board.isIn || document.hidden) return;
    const now = performance.now();
    const silence = now - board.arrivedAt;
    if (silence > awayAfter && now - board.attemptAt > awayAfter) board.attempt?.abort();
    if (silence > lateAfter && board.state !== "away") {
        tell("late", `no picture for ${Math.round(silence / 1_000)} s: figures are old`);
    }
}

// MARK: Signing in and out

function enter() {
    if (board.isIn) return;
    Object.assign(board, { isIn: true, arrivedAt: performance.now() });
    sessionStorage.setItem(storageKey, JSON.stringify(saved));
    find("#secret").value = "";
    write(find("#signInNote"), "");
    const { name, role } = board.me;
    const isOther = saved.actor && saved.actor !== name;
    write(find("#who b"), `${name}${isOther ? ` for ${saved.actor}` : ""}, ${role}`);
    show(find("#who"), true);
    show(find("#entrance"), false);
    show(find("#inside"), true);
    draw();
    find("#inside main").focus({ preventScroll: true });
}

function leave(why = "") {
    board.reading?.abort();
    Object.assign(board, { me: null, picture: null, isIn: false, reading: null, history: new Map(), lot: null });
    saved.secret = "";
    sessionStorage.removeItem(storageKey);
    find("#act").close();
    board.sale = null;
    write(find("#done"), "");
    show(find("#who"), false);
    show(find("#inside"), false);
    show(find("#entrance"), true);
    document.documentElement.dataset.view = "signIn";
    document.title = "Console";
    tell("out", "not signed in");
    write(find("#signInNote"), why);
    find("#secret").focus();
}

/** Whoever comes back from the provider has a session already. Without one nothing is told: nobody has tried to sign in. */
async function followSession() {
    try {
        await call("GET", "/v1/operator");
    } catch (error) {
        if (error.status !== 401) write(find("#signInNote"), error.message);
        return;
    }
    follow();
}

document.addEventListener("DOMContentLoaded", () => {
    find("#signIn").addEventListener("submit", (event) => {
        event.preventDefault();
        saved = { secret: find("#secret").value.trim(), actor: find("#actor").value.trim() };
        write(find("#signInNote"), "");
        follow();
    });
    find("#signOut").addEventListener("click", () => {
        // A session of the provider's login is in a cookie, which no script can read.
        if (find("#login") && !saved.secret) call("POST", "/console/login/end", {}).catch(() => {});
        leave();
    });
    find("#saleChoice").addEventListener("change", (event) => {
        Object.assign(board, { sale: event.target.value, lot: null });
        draw();
    });
    find("#lot").addEventListener("change", (event) => {
        board.lot = Number(event.target.value);
        draw();
    });
    addEventListener("hashchange", () => {
        scrollTo(0, 0);
        draw();
    });
    setInterval(watchAge, 500);
    if (restore()) {
        find("#actor").value = saved.actor;
        follow();
    } else if (find("#login")) {
        followSession();
    }
    show(find("#entrance"), !saved.actor);
});
