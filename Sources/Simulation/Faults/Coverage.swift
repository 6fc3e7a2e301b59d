/// Rare states that a thousand worlds must have reached. Worlds without faults prove nothing.
package enum Coverage {
    /// From this many worlds on, a state that was never reached is a failure of the run.
    package static let worldsNeeded = 1_000

    package static let marks = [
        "batch without an answer", "bought", "center crashed", "center crashed after a commit",
        "center crashed before a commit", "center restarted", "clock drifted", "clock falsified", "clock stepped",
        "clock stopped", "connection to Redis cut", "contested", "coordinator crashed", "coordinator fenced",
        "coordinator paused", "crashed after a commit", "crashed before a commit", "disk full",
        "earlier verdicts fetched", "eight units",
        "late lane", "lead changed hands", "ledger restored beside its Redis", "ledger restored from a backup",
        "link clogged", "log refused a write", "machine cloned",
        "message met a partition", "new generation", "old leader refused", "one-way partition", "order withheld",
        "original of a clone awake", "paid for a lost order",
        "paid too late", "paid twice", "Redis down or up", "Redis emptied", "Redis found lost", "Redis set back",
        "settlement corrected", "sold out", "step refused by a newer fence", "stranded stock settled", "unit crashed",
        "unit paused", "unit restarted",
        "waitlisted", "whole machine set back",
        "write refused",
    ]

    /// The same for worlds in which a unit is added.
    package static let marksOfGrowth = [
        "asked the home again", "bought at a branch", "branch opened", "branch told anew", "contested at a branch",
        "kept by the home", "referred",
    ]

    /// The same for worlds with a payment provider and a shop.
    package static let marksOfTrade = [
        "crashed before the cursor", "cursor not written", "event delivered twice", "event put aside",
        "held until the end of its time", "order revived", "paid again, or in parts", "paid in another currency",
        "paid too much", "provider away", "provider behind", "provider unsure",
        "question to a provider that is away", "refund asked for again", "refund at a provider that is away",
        "refund of an earlier process", "refund pending", "relay waits for a shop that is away", "shop away",
    ]

    /// What such worlds do not have.
    static let marksWithoutTrade: Set<String> = ["machine cloned", "original of a clone awake"]

    /// The required marks that `marks` lacks.
    package static func missing(
        in marks: some Collection<String>, grows: Bool = false, trades: Bool = false
    ) -> [String] {
        let reached = Set(marks)
        return Self.required(grows: grows, trades: trades).filter { !reached.contains($0) }
    }

    package static func required(grows: Bool, trades: Bool) -> [String] {
        Self.marks.filter { !trades || !Self.marksWithoutTrade.contains($0) } + (grows ? Self.marksOfGrowth : [])
            + (trades ? Self.marksOfTrade : [])
    }
}
