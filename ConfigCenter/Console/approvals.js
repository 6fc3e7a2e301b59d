"use strict";
// Acts for two people, where the center asks for a second one: what the first person adds to an act, and the proposals.

/** Whether an act of this kind becomes a proposal. */
const isForTwo = (kind) => Boolean(board.me?.forTwo?.includes(kind));

const reasonField = (label) => ({
    name: "reason", label, type: "text", inputmode: "text", maxlength: 200, value: "" });

/** The field that an act for two has. */
const fieldsForTwo = (kind) => (isForTwo(kind) ? [reasonField("Reason, for the second person")] : []);

/** What the plan says of an act for two. */
function planForTwo(kind, given) {
    if (!isForTwo(kind)) return [];
    needReason(given);
    return ["this becomes a proposal, and changes nothing: somebody else approves it within 15 minutes"];
}

function needReason({ reason }) {
    const text = (reason ?? "").trim();
    if (text === "") throw "say why";
    if (new TextEncoder().encode(text).length > 200) throw "the reason is too long: 200 bytes";
    return text;
}

/** A header field has no letters but plain ones. */
const why = ({ reason }) => (reason?.trim() ? { "X-Tranche-Reason": encodeURIComponent(reason.trim()) } : {});

/** Acts whose answer is a proposal are not done. */
const isProposal = (answer) => answer?.document?.code === "approval_needed";

// MARK: The view

const proposalNow = (id) => (board.picture.proposals ?? []).find((one) => one.id === id);

function drawApprovals() {
    const proposals = board.picture.proposals ?? [];
    show(find("#approvalsNone"), proposals.length === 0);
    keep(find("#proposalCards"), proposals, (one) => one.id,
        (one) => make("li", { class: "card" }, make("h3"), make("dl", { class: "facts" }), proposalActs(one)),
        (card, one) => {
            write(card.querySelector("h3"), `Proposal ${one.id}: ${one.act}`);
            facts(card.querySelector("dl"), [
                { name: "By", value: one.by },
                { name: "Why", value: one.reason },
                { name: "Made for", value: one.seen },
                { name: "Expires in", value: span(Math.max(0, one.expiresAtMilliseconds - centerNow()) / 1_000) },
            ]);
        });
}

/** Nobody approves an own proposal, and the secret of admins proves no person. */
function proposalActs(one) {
    const isOwn = one.by === board.me?.name;
    const canApprove = !isOwn && board.me?.name !== "admin" && may("approve") && may(one.kind);
    return make("div", { class: "acts" },
        canApprove ? button(`Approve proposal ${one.id}`, () => ask(approveAct(one.id)), { class: "main" }) : null,
        isOwn && may("withdraw")
            ? button(`Withdraw proposal ${one.id}`, () => ask(withdrawAct(one.id))) : null);
}

function proposalPlan(id, given, then) {
    const one = proposalNow(id);
    if (!one) throw "it does not wait any more: it was approved or withdrawn, or has expired";
    needReason(given);
    return [`${one.act}, as ${one.by} asked: ${one.reason}`, `made for: ${one.seen}`, then];
}

function approveAct(id) {
    return {
        title: `Approve proposal ${id}`, word: String(id), go: "Approve and carry out",
        danger: "The act is carried out at once.", fields: [reasonField("Reason")],
        plan: (given) => proposalPlan(id, given, "it is carried out once, if what it was made for is still so"),
        send: (given, _, headers) =>
            post(`/v1/proposals/${id}/approve`, { reason: needReason(given) }, headers),
    };
}

function withdrawAct(id) {
    return {
        title: `Withdraw proposal ${id}`, word: String(id), go: "Withdraw", fields: [reasonField("Reason")],
        plan: (given) => proposalPlan(id, given, "nobody can approve it any more"),
        send: (given, _, headers) =>
            post(`/v1/proposals/${id}/withdraw`, { reason: needReason(given) }, headers),
    };
}
