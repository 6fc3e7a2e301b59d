/// What the file of a secret has in it, by its name: only some secrets are lists that an operator's command may change.
package enum SecretForm: Hashable, Sendable {
    /// A list of random secrets, read again when it changes.
    case list
    /// A list of secrets that signs webhooks; of another kind of consumer it is a password.
    case outbox
    /// A list of secrets that somebody else makes: a random one is of no use to anybody.
    case given(String)
    /// No list that a running process reads again.
    case fixed(String)

    package init(of name: String) {
        switch name {
        case "TRANCHE_UNIT_SECRET", "TRANCHE_CENTER_SECRET":
            self = .given("it is derived from the center's TRANCHE_UNITS_KEY by tranche credential unit")
        case "TRANCHE_CONTEST_SECRET":
            self = .given("it is derived from the coordinators' TRANCHE_CONTEST_KEY by tranche credential unit")
        case "TRANCHE_CAPTCHA_SECRET":
            self = .given("the provider makes it")
        case "TRANCHE_LOGIN_SECRET":
            self = .fixed("is made by the provider of logins, and read at the start of a center alone")
        case "TRANCHE_GATE_KEY":
            self = .fixed("is read at the start of a gate alone, and order ids are derived from it")
        case _ where name.hasPrefix("TRANCHE_SAMPLE_SHOP_"):
            self = .fixed("is read at the start of the sample shop alone")
        case _ where name.hasSuffix("_PASSWORD"):
            self = .fixed("is a password, and no list")
        case _ where name.hasPrefix("TRANCHE_OUTBOX_"):
            self = .outbox
        default: self = .list
        }
    }
}
