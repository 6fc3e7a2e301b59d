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

    /// The required marks that `marks` lacks.
    package static func missing(in marks: some Collection<String>, grows: Bool = false) -> [String] {
        let reached = Set(marks)
        return (Self.marks + (grows ? Self.marksOfGrowth : [])).filter { !reached.contains($0) }
    }
}
