"use strict";
// The sale page. The gate serves one script, so this file is two programs: in a document it is the page, and in a
// worker it solves challenges. All times are milliseconds; `clock.now()` is the server's time.

// MARK: Solving a challenge (ALTCHA, version 2)

const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
const toHex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function derive(parameters, nonce, salt, counter) {
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const hash = parameters.algorithm.replace("PBKDF2/", "");
    const length = parameters.keyLength ?? 32;
    if (parameters.algorithm.startsWith("PBKDF2/")) {
        const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
        return crypto.subtle.deriveBits({ name: "PBKDF2", hash, salt, iterations: parameters.cost }, key, length * 8);
    }
    let bytes = new Uint8Array([...salt, ...password]);
    for (let turn = 0; turn < Math.max(1, parameters.cost); turn += 1) bytes = await crypto.subtle.digest(hash, bytes);
    return bytes.slice(0, length);
}

/** Tries counters from 0 on, four at a time, until a derived key begins with the wanted prefix. */
async function solve(parameters) {
    const [nonce, salt] = [fromHex(parameters.nonce), fromHex(parameters.salt)];
    const startedAt = performance.now();
    for (let first = 0; first <= 0xffff_fffb; first += 4) {
        const counters = [first, first + 1, first + 2, first + 3];
        const keys = await Promise.all(counters.map((counter) => derive(parameters, nonce, salt, counter)));
        const found = keys.map(toHex).findIndex((key) => key.startsWith(parameters.keyPrefix ?? "00"));
        if (found >= 0) {
            const time = Math.round(performance.now() - startedAt);
            return { counter: counters[found], derivedKey: toHex(keys[found]), time };
        }
    }
    throw new Error("no counter solves the challenge");
}

const isWorker = typeof document === "undefined";
if (isWorker) {
    self.onmessage = (event) => solve(event.data).then(
        (solution) => self.postMessage({ solution }), (error) => self.postMessage({ error: String(error) }));
}

// MARK: Limits

const statusPause = 1_000; // at least this long between two reads of the status
const calmStatusPause = 5_000; // while the opening is more than a minute away
const longestPause = 30_000;
const answerLimit = 5_000; // the button comes back after this time, also without an answer
const referralLimit = 64; // addresses that one order follows: as many as units are added to one sale
const repeatLimit = 5; // repetitions of one call, each after the server's Retry-After
const personTime = 1_200; // an answer to a challenge is not sent earlier than this
const openingTime = 5_000; // so long after the opening, calls are spread by the sale's delay
const latestTime = Date.UTC(2100, 0); // an opening after this one has no date yet
const preparationTime = 60_000; // so long before the opening, challenges are fetched, at a random moment

// MARK: State

const script = isWorker ? null : document.currentScript.src;
const root = isWorker ? null : document.documentElement;
const page = {
    status: null, etag: null, words: {}, language: "en",
    busy: null, // what an answer is awaited for: "signIn", "enter", "token", "order", "pay"
    repeatAt: null, holdUntil: 0, // when the page asks again; until when the button stays off
    notice: null, isOffline: false, kind: null, solving: new Map(), prepareAt: 0, spread: Math.random(),
};
/** What a reload must not lose. `lots[id]` has this buyer's ticket, rank, challenge, solution, token and order. */
let saved = { session: null, lot: null, quantity: 1, lots: {} };

const ownOf = (lot) => (saved.lots[lot.id] ??= {});
const lotOf = (id) => page.status?.lots.find((lot) => lot.id === id) ?? null;
const chosen = () => lotOf(saved.lot);
const storageKey = () => `tranche:${root.dataset.sale}`;
const jitter = (limit) => Math.random() * limit;
const sleep = (time) => new Promise((done) => setTimeout(done, time));

const ticketsKey = () => `tranche:${root.dataset.sale}:${saved.session.buyer}`;

/**
 * Everything stays in this window's storage. Entry tickets also stay in the browser: a lottery cannot be entered again
 * after the opening, and a closed window must not cost the place. Nobody but their buyer can use them.
 */
function save() {
    sessionStorage.setItem(storageKey(), JSON.stringify(saved));
    const tickets = {};
    for (const [id, { ticket, rank, index }] of Object.entries(saved.lots)) {
        if (ticket) tickets[id] = { ticket, rank, index };
    }
    if (saved.session && Object.keys(tickets).length) localStorage.setItem(ticketsKey(), JSON.stringify(tickets));
}

function read(storage, key) {
    try {
        return JSON.parse(storage.getItem(key) ?? "{}");
    } catch {
        return {}; // an unreadable state is as good as none
    }
}

function restore() {
    saved = { ...saved, ...read(sessionStorage, storageKey()) };
}

// MARK: Time

/**
 * The server's time, from its documents and the browser's monotonic clock: a wrong clock on the device does not
 * matter. A document may come from a cache, and is then too old, never too new: of the samples with a short round
 * trip, the one with the latest time counts.
 */
const clock = {
    samples: [], offset: null,
    note(serverTime, sentAt, receivedAt) {
        const trip = receivedAt - sentAt;
        this.samples = [...this.samples, { trip, offset: serverTime + trip / 2 - receivedAt }].slice(-8);
        const shortest = Math.min(...this.samples.map((sample) => sample.trip));
        const good = this.samples.filter((sample) => sample.trip <= shortest + 50);
        this.offset = Math.max(...good.map((sample) => sample.offset));
    },
    now() { return this.offset === null ? null : performance.now() + this.offset; },
};

// MARK: Words

function words(key, values = {}) {
    const plural = values.n === undefined ? "other" : new Intl.PluralRules(page.language).select(values.n);
    const text = page.words[`${key}.${plural}`] ?? page.words[`${key}.other`] ?? page.words[key] ?? "";
    return text.replace(/\{(\w+)\}/g, (_, name) => {
        const value = values[name] ?? "";
        return typeof value === "number" ? value.toLocaleString(page.language) : value;
    });
}

function duration(milliseconds) {
    const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
    const [days, rest] = [Math.floor(seconds / 86_400), seconds % 86_400];
    const parts = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
    if (days === 0 && parts[0] === 0) parts.shift();
    const figures = parts.map((part) => String(part).padStart(2, "0")).join(":");
    return days ? words("days", { n: days, rest: figures }) : figures;
}

function moment(time) {
    return new Date(time).toLocaleString(page.language, {
        weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
}

async function speak(language) {
    const files = JSON.parse(root.dataset.languages);
    const answer = await fetch(`/assets/${files[language]}`);
    if (!answer.ok) throw new Error(`language ${language}: ${answer.status}`);
    [page.words, page.language, root.lang] = [await answer.json(), language, language];
    sessionStorage.setItem("tranche:language", language);
    for (const element of document.querySelectorAll("[data-words]")) {
        element.textContent = words(element.dataset.words);
    }
    for (const element of document.querySelectorAll("[data-alt]")) element.alt = words(element.dataset.alt);
    for (const button of document.querySelectorAll("#languages button")) {
        button.setAttribute("aria-pressed", String(button.lang === language));
    }
    find("languages").setAttribute("aria-label", words("language"));
    drawLots();
    render();
}

// MARK: Calls

class Refusal extends Error {
    constructor(code, status = 0, body = {}, retryAfter = null) {
        super(code);
        [this.code, this.status, this.body, this.retryAfter] = [code, status, body, retryAfter];
    }
}

async function call(address, { method = "GET", bearer = null, body } = {}) {
    const headers = {};
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
        answer = await fetch(address, {
            method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store",
            credentials: "omit", signal: AbortSignal.timeout(answerLimit) });
    } catch {
        throw new Refusal("no_answer");
    }
    const content = await answer.json().catch(() => ({}));
    const seconds = content.retryAfter ?? Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
    const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : null;
    if (!answer.ok) throw new Refusal(content.code ?? "other", answer.status, content, retryAfter);
    return { status: answer.status, content, retryAfter };
}

const post = (address, bearer, body) => call(address, { method: "POST", bearer, body });
const afterPause = (retryAfter) => retryAfter + jitter(Math.max(1000, retryAfter / 4));

/** Repeats a call only if the server says when, and never while the lot is gone. */
async function patient(lot, request) {
    for (let turn = 0; ; turn += 1) {
        try {
            return await request();
        } catch (refusal) {
            const mayRepeat = (refusal.status === 429 || refusal.status === 503) && refusal.retryAfter !== null;
            if (!mayRepeat || turn === repeatLimit) throw refusal;
            const pause = afterPause(refusal.retryAfter);
            page.repeatAt = clock.now() + pause;
            page.notice = refusal;
            render();
            await sleep(pause);
            page.repeatAt = null;
            page.notice = null;
            if (lot && lotOf(lot.id)?.band === "gone") throw new Refusal("sold_out");
            render();
        }
    }
}

/** Spreads the crowd of the opening moment. */
async function spread() {
    const since = clock.now() - page.status.opensAt;
    if (page.status.delay > 0 && since < openingTime) await sleep(jitter(page.status.delay));
}

// MARK: Status

async function readStatus() {
    const sentAt = performance.now();
    const answer = await fetch(`/v1/sales/${root.dataset.sale}/status.json`, {
        headers: page.etag ? { "If-None-Match": page.etag } : {}, cache: "no-store", credentials: "omit",
        signal: AbortSignal.timeout(answerLimit) });
    const receivedAt = performance.now();
    if (answer.status === 304) return;
    if (!answer.ok) {
        const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
        throw new Refusal("other", answer.status, {}, Number.isFinite(seconds) ? seconds * 1000 : null);
    }
    const status = await answer.json();
    clock.note(status.now, sentAt, receivedAt);
    const isNewList = JSON.stringify(page.status?.lots.map((lot) => lot.name)) !==
        JSON.stringify(status.lots.map((lot) => lot.name));
    [page.status, page.etag] = [status, answer.headers.get("ETag")];
    if (!chosen()) saved.lot = (status.lots.find((lot) => lot.band !== "gone") ?? status.lots[0])?.id ?? null;
    if (isNewList) drawLots();
}

function statusInterval() {
    const { phase, opensAt, lots } = page.status ?? { lots: [] };
    const isOver = phase === "ended" || (lots.length > 0 && lots.every((lot) => lot.band === "gone"));
    if (document.hidden) return 10_000;
    if (isOver) return 15_000;
    return phase === "waiting" && opensAt - clock.now() > 60_000 ? calmStatusPause : statusPause;
}

const watch = {
    timer: null, readAt: -Infinity, refusals: 0, isReading: false,
    schedule(pause) {
        clearTimeout(this.timer);
        const earliest = this.readAt + statusPause - performance.now();
        this.timer = setTimeout(() => this.read(), Math.max(pause, earliest));
    },
    async read() {
        if (this.isReading) return;
        this.isReading = true;
        this.readAt = performance.now();
        let pause = 0;
        try {
            await readStatus();
            [this.refusals, page.isOffline] = [0, false];
            pause = statusInterval();
        } catch (refusal) {
            this.refusals += 1;
            page.isOffline = this.refusals > 1;
            pause = refusal.retryAfter ?? Math.min(longestPause, 1000 * 2 ** this.refusals);
        }
        this.isReading = false;
        this.readAt = performance.now(); // the pause begins with the answer: a slow gate is asked less often
        this.schedule(pause + jitter(Math.max(200, pause / 4)));
        render();
    },
};

// MARK: Who am I

const session = () => (saved.session && saved.session.expiresAt > (clock.now() ?? 0) ? saved.session : null);

/** The shop sends its buyers here with `#token=JWT`; the token must not stay in the address or in the history. */
function takeShopToken() {
    const found = /^#token=(.+)$/.exec(location.hash);
    if (found) {
        sessionStorage.setItem("tranche:token", decodeURIComponent(found[1]));
        history.replaceState(null, "", location.pathname + location.search);
    }
    return sessionStorage.getItem("tranche:token");
}

function useShopToken() {
    const token = takeShopToken();
    if (token) run("signIn", null, () => signIn(token));
}

async function signIn(token) {
    const { content } = await patient(null, () => post("/v1/session", token));
    sessionStorage.removeItem("tranche:token");
    if (saved.session?.buyer !== content.buyer) saved.lots = {};
    saved.session = content;
    for (const [id, kept] of Object.entries(read(localStorage, ticketsKey()))) {
        saved.lots[id] = { ...kept, ...saved.lots[id] };
    }
}

function signOut() {
    saved = { session: null, lot: saved.lot, quantity: 1, lots: {} };
    page.notice = null;
    save();
    render();
    find("headline").focus();
}

// MARK: Line

const isDraw = (rank) => rank < "8";
/** Ranks and thresholds are texts of 16 hex digits, so that one comparison of texts decides. */
const isAdmitted = (lot, own) => lot.policy === "open" || (own.rank !== undefined && own.rank <= (lot.threshold ?? ""));
const isOpen = () => page.status.phase === "open";
const mayEnter = (lot) => isOpen() ? lot.policy !== "lottery"
    : page.status.phase === "waiting" && lot.policy.startsWith("lottery");

/** About how many are in front; null if nobody can say. A draw's index grows with the crowd until the opening. */
function ahead(lot, own) {
    const isMoving = page.status.phase === "waiting" || own.index == null;
    if (own.rank && isDraw(own.rank) && lot.entered !== null && isMoving) {
        const index = Math.floor(parseInt(own.rank.slice(0, 8), 16) / 2 ** 31 * lot.entered);
        if (index !== own.index) {
            own.index = index;
            save();
        }
    }
    return own.index == null ? null : Math.max(0, own.index - (lot.admitted ?? 0));
}

async function enter(lot) {
    const own = ownOf(lot);
    await spread();
    const { content } = await patient(lot, () => post(`/v1/lots/${lot.id}/entry`, session().session));
    Object.assign(own, { ticket: content.ticket, rank: content.rank });
    own.index = content.ahead == null ? null : content.ahead + (lotOf(lot.id).admitted ?? 0);
    if (content.challenge) keepChallenge(own, content.challenge);
}

// MARK: Challenge

function keepChallenge(own, challenge) {
    Object.assign(own, { challenge, solution: null, challengedAt: clock.now() });
    save();
}

const expiryOf = (challenge) => (challenge.parameters?.expiresAt ?? Infinity) * 1000;

function work(parameters) {
    return new Promise((done, failed) => {
        const worker = new Worker(script);
        const end = (finish, value) => { worker.terminate(); finish(value); };
        const fail = () => end(failed, new Refusal("no_solver"));
        worker.onmessage = ({ data }) => (data.solution ? end(done, data.solution) : fail());
        worker.onerror = fail;
        worker.postMessage(parameters);
    });
}

/** The proof for the token call. Callers share one solver; a challenge is fetched if none is valid at `time`. */
function solutionFor(lot, time = clock.now()) {
    const own = ownOf(lot);
    if (own.solution && expiryOf(own.challenge) > time + 2_000) return Promise.resolve(own.solution);
    if (!page.solving.has(lot.id)) {
        const task = findSolution(lot, own, time).finally(() => page.solving.delete(lot.id));
        page.solving.set(lot.id, task);
    }
    return page.solving.get(lot.id);
}

async function findSolution(lot, own, time) {
    if (!own.challenge || expiryOf(own.challenge) <= time + 2_000) {
        keepChallenge(own, await askChallenge(lot, "work"));
    }
    const { challenge, challengedAt } = own;
    const solution = await work(challenge.parameters);
    await sleep(Math.max(0, challengedAt + personTime - clock.now()));
    own.solution = { challenge, solution };
    save();
    return own.solution;
}

// MARK: A question

/**
 * Puts the gate's question to the buyer, and waits for the answer. Who cannot read the picture lets the device work, or
 * waits: both count as much. Nothing beside the picture says the sum, because a program would read that.
 */
async function answerFor(lot, given) {
    let offered = given ?? await askChallenge(lot, "question");
    for (;;) {
        const choice = offered.kind === "provider" ? await askProvider(lot, offered) : await askPerson(offered);
        if (choice.offered) offered = choice.offered;
        else if (choice.kind === "work") return { solution: await solutionFor(lot) };
        else if (choice.kind === "clock") return { answer: await waitClock(lot) };
        else return { answer: choice };
    }
}

async function askChallenge(lot, kind) {
    const { content } = await patient(lot, () => post(`/v1/lots/${lot.id}/challenge`, session().session, { kind }));
    return content.challenge;
}

/** Shows the form until the buyer has answered, or has chosen another way. */
function showQuestion(offered, listen) {
    return new Promise((done) => {
        const form = find("question");
        const ways = [["instead-work", "work"], ["instead-clock", "clock"]];
        const finish = (choice) => {
            form.hidden = true;
            form.onsubmit = null;
            for (const [id] of ways) find(id).onclick = null;
            done(choice);
        };
        for (const [id, kind] of ways) find(id).onclick = () => finish({ kind });
        const isProvider = offered.kind === "provider";
        find("widget").hidden = !isProvider;
        for (const part of [find("sum"), find("typed"), form.querySelector("button")]) part.hidden = isProvider;
        if (!isProvider) find("picture").src = offered.picture;
        find("answer").value = "";
        form.hidden = false;
        listen(form, finish);
        if (!isProvider) find("answer").focus();
    });
}

const askPerson = (offered) => showQuestion(offered, (form, finish) => {
    form.onsubmit = (event) => {
        event.preventDefault();
        const text = find("answer").value.trim();
        if (/^\d{1,4}$/.test(text)) finish({ challenge: offered.challenge, text });
    };
});

/** The provider's script fills an element of its class, and calls a function of the page with the response. */
async function askProvider(lot, { challenge, widget }) {
    const choice = await showQuestion({ kind: "provider" }, (_, finish) => {
        window.trancheCaptcha = (response) => finish({ response });
        const box = document.createElement("div");
        box.className = widget.name;
        Object.assign(box.dataset, { sitekey: widget.siteKey, callback: "trancheCaptcha" });
        const loader = document.createElement("script");
        loader.onerror = () => finish({ kind: "clock" }); // the provider's script is away, and the buyer is not
        loader.src = widget.script;
        find("widget").replaceChildren(box, loader);
    });
    if (!choice.response) return choice;
    try {
        const address = `/v1/lots/${lot.id}/challenge/answer`;
        const body = { challenge, response: choice.response };
        return (await patient(lot, () => post(address, session().session, body))).content.answer;
    } catch (refusal) {
        if (!refusal.body?.challenge) throw refusal;
        return { offered: refusal.body.challenge };
    }
}

async function waitClock(lot) {
    const { challenge, readyAt } = await askChallenge(lot, "clock");
    page.repeatAt = readyAt;
    render();
    await sleep(Math.max(0, readyAt - clock.now()) + 200);
    page.repeatAt = null;
    return { challenge };
}

/** Solves the challenge before it is wanted: in the last minute before the opening, or when it is this buyer's turn. */
function prepare() {
    const lot = chosen();
    if (!lot || !session() || page.status.challenge !== "work" || page.busy || clock.now() < page.prepareAt) return;
    const own = ownOf(lot);
    if (own.order || own.refused || lot.band === "gone" || page.solving.has(lot.id)) return;
    const left = page.status.opensAt - clock.now();
    const isNear = left < preparationTime * (0.1 + 0.9 * page.spread);
    const isEntered = own.ticket !== undefined || lot.policy === "open";
    const hasWork = own.challenge && !own.solution && expiryOf(own.challenge) > clock.now() + 2_000;
    const isWaiting = page.status.phase === "waiting";
    const isTime = isWaiting ? (isEntered && isNear) || hasWork : isOpen() && isAdmitted(lot, own);
    if (!isTime) return;
    const time = isNear ? Math.max(clock.now(), page.status.opensAt + openingTime) : clock.now();
    if (own.solution && expiryOf(own.challenge) > time + 2_000) return;
    page.prepareAt = clock.now() + 10_000;
    solutionFor(lot, time).then(render, () => { page.prepareAt = clock.now() + longestPause; });
}

// MARK: Buying

const challengeCodes = ["challenge_required", "challenge_failed", "challenge_spent", "too_fast", "too_easy"];

async function tokenFor(lot) {
    const own = ownOf(lot);
    if (own.token && own.token.expiresAt > clock.now() + 1_000) return own.token;
    let offered = null;
    for (let round = 0; ; round += 1) {
        const isAsked = offered || page.status.challenge === "question";
        const wantsProof = own.challenge || page.status.challenge === "work";
        const proof = isAsked ? await answerFor(lot, offered)
            : wantsProof ? { solution: await solutionFor(lot) } : {};
        try {
            const body = { ticket: own.ticket, ...proof };
            const { content } = await patient(lot, () => post(`/v1/lots/${lot.id}/token`, session().session, body));
            own.token = content;
            own.challenge = own.solution = null;
            save();
            return own.token;
        } catch (refusal) {
            // A challenge is a step of the protocol: the page answers a new one, once for each press of the button.
            if (!challengeCodes.includes(refusal.code) || round === 1) throw refusal;
            own.challenge = own.solution = null;
            offered = refusal.body.challenge?.kind ? refusal.body.challenge : null;
            if (offered || page.status.challenge === "question") continue;
            if (refusal.body.challenge) keepChallenge(own, refusal.body.challenge);
            else if (page.status.challenge !== "work") await solutionFor(lot);
        }
    }
}

async function buy(lot) {
    await spread();
    const own = ownOf(lot);
    const token = await tokenFor(lot);
    page.busy = "order";
    render();
    const path = lot.order ?? `/v1/lots/${lot.id}/orders`;
    const order = (unit) => patient(lot, () => post(unit + path, token.token, { quantity: saved.quantity }));
    let answer;
    for (let turn = 0; !answer; turn += 1) {
        try {
            answer = await order(token.unit);
        } catch (refusal) {
            // A unit that was added to the sale needs a token of its own, which the home has made.
            if (refusal.status !== 421 || !refusal.body.location || turn === referralLimit) throw refusal;
            token.unit = refusal.body.location.replace(/\/+$/, "");
            token.token = refusal.body.token ?? token.token;
        }
    }
    own.order = answer.content;
    own.unit = token.unit;
    follow(lot.id, answer.retryAfter);
}

async function pay(lot) {
    const own = ownOf(lot);
    await patient(null, () => post("/dev/pay", session().session, { order: own.order.order }));
    await lookAtOrder(lot.id);
}

// MARK: Following an order

const livingStates = ["contested", "waitlisted", "reserved"];
const followers = new Map();

async function lookAtOrder(id) {
    const own = saved.lots[id];
    try {
        const { content, retryAfter } = await call(`${own.unit}/v1/orders/${own.order.order}`);
        own.order = content;
        return retryAfter;
    } catch (refusal) {
        if (refusal.status !== 410) throw refusal;
        own.order.state = "lost";
        return null;
    }
}

function follow(id, retryAfter = null, refusals = 0) {
    clearTimeout(followers.get(id));
    const order = saved.lots[id]?.order;
    if (!order || !livingStates.includes(order.state)) return;
    const usual = order.state === "reserved" ? 5_000 : 2_000;
    const pause = Math.max(retryAfter ?? 0, Math.min(longestPause, usual * 2 ** refusals) * (document.hidden ? 3 : 1));
    followers.set(id, setTimeout(async () => {
        let [next, count] = [null, 0];
        try { next = await lookAtOrder(id); } catch (refusal) { [next, count] = [refusal.retryAfter, refusals + 1]; }
        save();
        render();
        follow(id, next, count);
    }, pause + jitter(pause / 4)));
}

// MARK: Refusals

const finalCodes = ["not_eligible", "ineligible", "entry_closed"];

function judge(refusal, lot) {
    const own = lot ? ownOf(lot) : {};
    if (refusal.code === "bad_identity") {
        if (saved.session) saved.session.expiresAt = 0; // the buyer's name stays: the same buyer goes on
        sessionStorage.removeItem("tranche:token");
    }
    if (refusal.code === "bad_ticket") {
        [own.ticket, own.rank] = [undefined, undefined];
        localStorage.removeItem(ticketsKey());
    }
    if (["bad_token", "token_expired", "token_revoked", "sold_out"].includes(refusal.code)) own.token = null;
    if (finalCodes.includes(refusal.code)) own.refused = refusal.code;
    if (refusal.retryAfter !== null) page.holdUntil = clock.now() + afterPause(refusal.retryAfter);
    page.notice = refusal;
}

/** Runs one action; the button is off until it ends. A second press finds `busy` set and does nothing. */
async function run(name, lot, action) {
    if (page.busy) return;
    [page.busy, page.notice] = [name, null];
    render();
    try {
        await action();
    } catch (error) {
        if (!(error instanceof Refusal)) console.error(error);
        judge(error instanceof Refusal ? error : new Refusal("other"), lot);
    }
    [page.busy, page.repeatAt] = [null, null];
    save();
    render();
}

// MARK: What the page says now

const shown = (kind, values = {}) => ({
    kind, headline: words(`${kind}.headline`), figure: null, detail: words(`${kind}.detail`), ...values });

function orderView(lot, own) {
    const { state, quantity, ahead: before, mayReturn, order } = own.order;
    const what = words("what", { n: quantity, name: lot.name });
    const number = words("order", { order: order.slice(0, 8) });
    switch (state) {
    case "reserved": {
        const left = own.order.deadlineMicroseconds ? own.order.deadlineMicroseconds / 1000 - clock.now() : null;
        const isDev = page.status.identity === "dev";
        return shown("reserved", {
            figure: left === null ? "" : duration(left), left, detail: `${what} · ${number}`,
            note: isDev ? "" : words("reserved.shop"), button: isDev ? "pay" : null });
    }
    case "waitlisted":
        if (before === undefined) return shown("waitlisted", { title: words("waitlisted.plain"), detail: what });
        return shown("waitlisted", {
            figure: before.toLocaleString(page.language), place: before,
            detail: words("waitlisted.mayReturn", { n: mayReturn ?? 0 }), note: words("waitlisted.note") });
    case "contested": return shown("contested", { title: words("contested.title") });
    case "paid": return shown("paid", { title: words("paid.title"), detail: `${what} · ${number}` });
    default: {
        const canRetry = lot.band !== "gone" && isOpen();
        return shown(state, { title: words(`${state}.title`), button: canRetry ? "again" : null });
    }
    }
}

function openView(lot, own) {
    if (isAdmitted(lot, own)) {
        const isFree = lot.policy === "open";
        const kind = isFree ? "free" : "turn";
        return shown(kind, { title: words(`${kind}.title`), button: "buy" });
    }
    if (!own.ticket) {
        if (!mayEnter(lot)) return shown("closed", { title: words("closed.title") });
        return shown("doors", { title: words("doors.title"), button: "enter" });
    }
    const place = ahead(lot, own);
    const minutes = place === null || !lot.perMinute ? null : place / lot.perMinute;
    const pace = minutes === null ? words("line.soon") : minutes < 1 ? words("line.less")
        : words("line.minutes", { n: Math.round(minutes) });
    if (place === null) return shown("line", { headline: words("line.plain"), title: words("line.title") });
    return shown("line", {
        figure: place.toLocaleString(page.language), place, detail: pace, note: words("line.note"),
        bar: own.index > 0 ? (own.index - place) / own.index : null });
}

function waitingView(lot, own) {
    const left = page.status.opensAt - clock.now();
    const isDated = page.status.opensAt < latestTime;
    const view = {
        detail: isDated ? moment(page.status.opensAt) : "", figure: duration(left), left,
        title: !isDated ? words("waiting.undated") : left <= 0 ? words("waiting.now") : null };
    if (!session()) return shown("waiting", view);
    if (own.ticket) {
        const place = ahead(lot, own);
        view.note = place === null ? words("entered.note") : words("entered.place", { n: place });
        return shown("entered", view);
    }
    const button = mayEnter(lot) ? "enter" : "early";
    return shown("waiting", { ...view, note: words(`waiting.${lot.policy}`), button });
}

/** Everything that the page shows, from the state and the time alone. */
function view() {
    const lot = chosen();
    const { phase, closesAt } = page.status;
    if (!lot) return shown("closed", { title: words("closed.title") });
    const own = ownOf(lot);
    if (session() && own.order) return orderView(lot, own);
    if (phase === "ended" || (closesAt && clock.now() > closesAt)) {
        return shown("ended", { title: words("ended.title") });
    }
    if (lot.band === "gone") {
        const isAll = page.status.lots.every((other) => other.band === "gone");
        return shown("gone", {
            title: words("gone.title"), detail: words(isAll ? "gone.all" : "gone.other") });
    }
    if (session() && own.refused) {
        return shown("refused", {
            title: words("refused.title"), detail: words(`refusal.${own.refused}`) });
    }
    if (phase === "paused") return shown("paused", { title: words("paused.title") });
    if (phase === "waiting") return waitingView(lot, own);
    return session() ? openView(lot, own) : shown("free", { title: words("free.title"), detail: words("free.signIn") });
}

// MARK: Drawing

const find = (id) => document.getElementById(id);

/** Changes the document only where the text changes, so that a screen reader is not interrupted. */
function put(id, text) {
    const element = find(id);
    const value = text ?? "";
    if (element.textContent !== value) element.textContent = value;
    if (!element.hidden !== (value !== "")) element.hidden = value === "";
}

function drawLots() {
    if (!page.status || !page.words.whatTitle) return;
    const rows = page.status.lots.map((lot) => {
        const row = document.createElement("label");
        const box = Object.assign(document.createElement("input"), {
            type: "radio", name: "lot", value: lot.id, checked: lot.id === saved.lot });
        const [name, band] = [document.createElement("span"), document.createElement("span")];
        name.textContent = lot.name;
        band.className = "band";
        row.append(box, name, band);
        return row;
    });
    const legend = find("lots").querySelector("legend");
    find("lots").replaceChildren(legend, ...rows);
    find("lots").classList.toggle("single", rows.length === 1);
}

/** The key of what a row says: what this buyer has of the lot, or how much of it is left. */
function standing(lot, own) {
    if (session() && own.order) return `own.${own.order.state}`;
    if (lot.band === "gone" || !session()) return `band.${lot.band}`;
    if (own.refused) return "own.refused";
    if (!own.ticket) return `band.${lot.band}`;
    return isOpen() && isAdmitted(lot, own) ? "own.turn" : "own.entered";
}

function renderLots(current) {
    for (const row of find("lots").querySelectorAll("label")) {
        const box = row.querySelector("input");
        const lot = page.status.lots.find((other) => String(other.id) === box.value);
        const own = ownOf(lot);
        const text = words(standing(lot, own));
        const band = row.querySelector(".band");
        if (band.textContent !== text) band.textContent = text;
        row.classList.toggle("gone", lot.band === "gone");
        box.checked = lot.id === saved.lot;
        box.disabled = page.busy !== null;
    }
    const [select, limit] = [find("quantity"), Math.min(current?.buyerLimit ?? 1, 20)];
    if (select.options.length !== limit) {
        select.replaceChildren(...Array.from({ length: limit }, (_, index) => new Option(index + 1, index + 1)));
    }
    saved.quantity = Math.min(saved.quantity, limit);
    if (select.value !== String(saved.quantity)) select.value = String(saved.quantity);
    select.disabled = page.busy !== null;
    const isSettled = !current || ownOf(current).order || ownOf(current).refused || current.band === "gone";
    find("amount").hidden = limit === 1 || Boolean(isSettled) || !session() || page.status.phase === "ended";
}

function buttonText(now, hold) {
    const seconds = (time) => Math.max(1, Math.ceil(time / 1000));
    if (page.repeatAt) return words("button.repeat", { n: seconds(page.repeatAt - clock.now()) });
    if (page.busy) return words(`busy.${page.busy}`);
    if (hold > 99_000) return words("button.later", { time: duration(hold) });
    if (hold > 0) return words("button.hold", { n: seconds(hold) });
    return now.button ? words(`button.${now.button}`, { n: saved.quantity }) : "";
}

function renderButton(now) {
    const button = find("go");
    const hold = page.holdUntil - clock.now();
    const isOff = page.busy !== null || now.button === "early" || hold > 0;
    button.hidden = !now.button || !session();
    button.setAttribute("aria-disabled", String(isOff));
    button.dataset.action = now.button ?? "";
    button.classList.toggle("busy", page.busy !== null);
    const label = buttonText(now, hold);
    if (button.textContent !== label) button.textContent = label;
}

function renderNotice() {
    const code = page.notice?.code;
    const known = code && (page.words[`refusal.${code}`] ? code : "other");
    const isShown = known && page.notice.code !== ownOf(chosen() ?? { id: 0 }).refused;
    const text = isShown ? words(`refusal.${known}`) : page.isOffline ? words("offline") : "";
    if (find("notice").textContent !== text) find("notice").textContent = text;
}

function renderRules(lot) {
    const { hash, seed } = page.status.draw ?? {};
    const own = lot ? ownOf(lot) : {};
    const pairs = [["rules.rank", session() ? own.rank : null], ["rules.threshold", own.rank ? lot.threshold : null],
        ["rules.hash", hash], ["rules.seed", seed]].filter(([, value]) => value);
    put("rule", lot ? words(`rules.${lot.policy}`) : "");
    const text = JSON.stringify([pairs, page.language]);
    if (find("proof").dataset.text === text) return;
    find("proof").dataset.text = text;
    find("proof").replaceChildren(...pairs.flatMap(([key, value]) => [
        Object.assign(document.createElement("dt"), { textContent: words(key) }),
        Object.assign(document.createElement("dd"), { textContent: value })]));
}

/** Says only what is new: a change of the view, a few marks of a countdown, a clear step forward in the line. */
const voice = {
    kind: null, left: null, place: null, saidAt: -Infinity,
    say(text) { find("live").textContent = text; this.saidAt = performance.now(); },
    hear(now) {
        const marks = [600_000, 60_000, 10_000];
        const text = [now.headline, now.title, now.kind === "line" || now.kind === "waitlisted" ? now.figure : null,
            now.detail].filter(Boolean).join(". ");
        const isStep = this.place - now.place >= this.place / 10 && performance.now() - this.saidAt > 20_000;
        if (this.kind !== now.kind) this.say(text);
        else if (now.left !== undefined && marks.some((mark) => this.left > mark && now.left <= mark)) {
            this.say(`${now.headline}: ${words("seconds", { n: Math.ceil(now.left / 1000) })}`);
        } else if (now.place !== undefined && isStep) this.say(text);
        if (this.kind !== now.kind || isStep || now.place > this.place) this.place = now.place;
        [this.kind, this.left] = [now.kind, now.left ?? null];
    },
};

function render() {
    if (isWorker || !page.status || !page.words.whatTitle) return;
    const [now, lot] = [view(), chosen()];
    const hadFocus = document.activeElement;
    const isSignedIn = session() !== null;
    root.dataset.view = now.kind;
    put("headline", now.headline);
    put("figure", now.title ?? now.figure);
    find("figure").className = now.title ? "title" : "";
    put("detail", now.detail);
    put("crowd", lot?.entered && ["waiting", "entered"].includes(now.kind) ? words("crowd", { n: lot.entered }) : "");
    find("bar").hidden = now.bar === undefined || now.bar === null;
    if (!find("bar").hidden) find("bar").value = now.bar;
    find("plain").hidden = true;
    find("choose").hidden = false;
    find("sign-in").querySelector("button").setAttribute("aria-disabled", String(page.busy !== null));
    find("sign-in").hidden = isSignedIn || page.status.identity !== "dev" || now.kind === "ended";
    find("shop").hidden = isSignedIn || page.status.identity === "dev" || now.kind === "ended";
    find("buyer").hidden = !isSignedIn;
    find("buyer").querySelector("b").textContent = saved.session?.buyer ?? "";
    find("rules").hidden = false;
    renderLots(lot);
    renderButton(now);
    put("note", isSignedIn ? now.note : "");
    renderNotice();
    renderRules(lot);
    const call = { turn: now.title, reserved: now.headline }[now.kind]; // to be seen in a tab in the background
    document.title = call ? `${call} – ${page.status.name}` : page.status.name;
    voice.hear(now);
    if (hadFocus && hadFocus !== document.body && hadFocus.closest("[hidden]")) find("headline").focus();
}

// MARK: Start

function press() {
    const [lot, action] = [chosen(), find("go").dataset.action];
    if (!lot || find("go").getAttribute("aria-disabled") === "true") return;
    if (action === "enter") run("enter", lot, () => enter(lot));
    if (action === "buy") run("token", lot, () => buy(lot));
    if (action === "pay") run("pay", lot, () => pay(lot));
    if (action === "again") {
        Object.assign(ownOf(lot), { order: null, token: null });
        save();
        render();
    }
}

function listen() {
    find("choose").addEventListener("submit", (event) => { event.preventDefault(); press(); });
    find("lots").addEventListener("change", (event) => {
        [saved.lot, page.notice] = [Number(event.target.value), null];
        save();
        render();
    });
    find("quantity").addEventListener("change", (event) => {
        saved.quantity = Number(event.target.value);
        save();
        render();
    });
    find("sign-in").addEventListener("submit", (event) => {
        event.preventDefault();
        const name = find("name").value.trim();
        if (name) run("signIn", null, async () => signIn((await post("/dev/sign-in", null, { name })).content.token));
    });
    find("buyer").querySelector("button").addEventListener("click", signOut);
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden && !watch.isReading) watch.schedule(jitter(500));
    });
    window.addEventListener("hashchange", useShopToken);
}

function offerLanguages(files) {
    const buttons = Object.keys(files).map((language) => {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", lang: language, className: "quiet" });
        button.textContent = new Intl.DisplayNames([language], { type: "language" }).of(language);
        button.addEventListener("click", () => speak(language));
        return button;
    });
    find("languages").replaceChildren(...buttons);
}

function tick() {
    if (clock.offset !== null) { prepare(); render(); }
    setTimeout(tick, 1000 - (clock.now() ?? 0) % 1000 + 5);
}

async function start() {
    const files = JSON.parse(root.dataset.languages);
    restore();
    offerLanguages(files);
    listen();
    const wishes = [sessionStorage.getItem("tranche:language"), ...navigator.languages.map((tag) => tag.split("-")[0])];
    takeShopToken(); // out of the address before anything else happens
    watch.read();
    await speak(wishes.find((tag) => tag in files) ?? Object.keys(files)[0]);
    for (const id of Object.keys(saved.lots)) follow(id);
    tick();
    useShopToken();
}

if (!isWorker) start();
