package import TrancheCore

/// What is to be written into the audit trail: one act, or one refused attempt.
package struct AuditNote: Hashable, Sendable {
    package let at: Instant
    /// Whoever acted, as they proved it.
    package let actor: String
    package let action: String
    /// The sale that it is about; empty if it is about none, or about several.
    package let sale: String
    package let detail: String
    /// What was there before and after, in few words; empty if nothing short says it.
    package let before: String
    package let after: String
    /// The idempotency key; empty if the caller sent none.
    package let key: String

    package init(
        at: Instant, actor: String, action: String, sale: String = "", detail: String, before: String = "",
        after: String = "", key: String = ""
    ) {
        self.at = at
        self.actor = Self.clean(actor, 140)
        self.action = Self.clean(action, 40)
        self.sale = Self.clean(sale, 64)
        self.detail = Self.clean(detail, 400)
        self.before = Self.clean(before, 200)
        self.after = Self.clean(after, 200)
        self.key = Self.clean(key, 64)
    }

    /// A line is read on terminals, where invisible characters could break it, or show it in another order; and PostgreSQL
    /// takes no zero byte. A text is cut by bytes, because one character can have any number of them.
    private static func clean(_ text: String, _ bytes: Int) -> String {
        var (scalars, left) = (String.UnicodeScalarView(), bytes)
        for scalar in text.unicodeScalars {
            let shown: Unicode.Scalar = scalar.isShownInLine ? scalar : "?"
            left -= UTF8.width(shown)
            guard left >= 0 else { break }
            scalars.append(shown)
        }
        return String(scalars)
    }
}

/// One line of the audit trail, as it was written.
///
/// Its digest covers the digest of the line before it, its place and each of its texts. So nobody changes, removes or moves
/// a line without being found out, unless they write every later digest anew, and the head too.
package struct AuditLine: Hashable, Sendable, Codable {
    /// The first one has 1, and none is left out.
    package let position: Int64
    package let at: Instant
    package let actor: String
    package let action: String
    package let sale: String
    package let detail: String
    package let before: String
    package let after: String
    package let key: String
    package let digest: ChainDigest

    init(
        position: Int64, at: Instant, actor: String, action: String, sale: String, detail: String, before: String,
        after: String, key: String, digest: ChainDigest
    ) {
        (self.position, self.at, self.actor, self.action, self.sale) = (position, at, actor, action, sale)
        (self.detail, self.before, self.after, self.key, self.digest) = (detail, before, after, key, digest)
    }

    init(_ note: AuditNote, position: Int64, after digest: ChainDigest) {
        let draft = AuditLine(
            position: position, at: note.at, actor: note.actor, action: note.action, sale: note.sale,
            detail: note.detail, before: note.before, after: note.after, key: note.key, digest: digest)
        self.init(
            position: position, at: note.at, actor: note.actor, action: note.action, sale: note.sale,
            detail: note.detail, before: note.before, after: note.after, key: note.key,
            digest: draft.computed(after: digest))
    }

    /// The digest that the line must have behind this one. PostgreSQL computes the same (`authority.note`): numbers as
    /// decimal digits, and each text behind the number of its bytes, so that no text can pass for two.
    package func computed(after digest: ChainDigest) -> ChainDigest {
        var text = "\(self.position)\n\(self.at.microseconds)\n"
        for part in [self.actor, self.action, self.sale, self.detail, self.before, self.after, self.key] {
            text += "\(part.utf8.count):\(part)\n"
        }
        return Array(text.utf8).withUnsafeBytes { HashChain.next(after: digest, $0) }
    }
}

/// The end of the audit trail, which is kept beside its lines: without it nobody could tell that the last ones are gone.
package struct AuditHead: Hashable, Sendable, Codable {
    package let position: Int64
    package let digest: ChainDigest

    package static let empty = AuditHead(position: 0, digest: ChainDigest(high: 0, low: 0))
}

/// Lines of the trail in order, with its head as it was before they were read.
package struct AuditPage: Hashable, Sendable, Codable {
    /// Lines of one page.
    package static let limit = 500

    package let head: AuditHead
    package let lines: [AuditLine]
}

/// What is wrong with an audit trail.
package enum AuditFinding: Hashable, Sendable, CustomStringConvertible {
    /// The line, or its digest, is not what was written there.
    case changed(Int64)
    case missing(ClosedRange<Int64>)
    /// The head is not that of the last line.
    case otherHead(Int64)

    package var description: String {
        switch self {
        case .changed(let position): "line \(position) is not what was written there"
        case .missing(let lines):
            lines.count == 1
                ? "line \(lines.lowerBound) is missing" : "lines \(lines.lowerBound) to \(lines.upperBound) are missing"
        case .otherHead(let position): "the trail's head is not that of its last line, \(position)"
        }
    }
}

/// Goes along an audit trail, and finds what does not fit. It shares only the rule of the digest with what wrote the lines.
package struct AuditCheck: Sendable {
    /// Of the last line.
    package private(set) var last = AuditHead.empty
    package private(set) var findings: [AuditFinding] = []

    package init() {}

    /// - Parameter line: The one with the next higher position.
    package mutating func add(_ line: AuditLine) {
        if line.position > self.last.position + 1 {
            // Nothing says what its digest follows; the next line can be judged again.
            self.findings.append(.missing(self.last.position + 1...line.position - 1))
        } else if line.position <= self.last.position || line.computed(after: self.last.digest) != line.digest {
            self.findings.append(.changed(line.position))
        }
        self.last = AuditHead(position: line.position, digest: line.digest)
    }

    /// - Parameter head: As it was before it was known that no line follows.
    package mutating func end(_ head: AuditHead) {
        if head.position > self.last.position {
            self.findings.append(.missing(self.last.position + 1...head.position))
        } else if head != self.last {
            self.findings.append(.otherHead(self.last.position))
        }
    }
}
