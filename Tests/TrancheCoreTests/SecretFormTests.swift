import Testing
import TrancheCore

@Suite("Forms of secrets") struct SecretFormTests {
    @Test("only a secret that everybody hears of by its list can be any random text") func formsOfSecrets() {
        for name in ["TOKEN", "PAYMENT", "SHOP", "ADMIN", "COORDINATOR", "GATE"] {
            #expect(SecretForm(of: "TRANCHE_\(name)_SECRET") == .list)
        }
        for name in ["TRANCHE_UNITS_KEY", "TRANCHE_CONTEST_KEY"] { #expect(SecretForm(of: name) == .list) }
        for name in ["UNIT", "CENTER", "CONTEST", "CAPTCHA"] {
            guard case .given = SecretForm(of: "TRANCHE_\(name)_SECRET") else {
                Issue.record("a random TRANCHE_\(name)_SECRET is of no use")
                continue
            }
        }
        for name in ["GATE_KEY", "REDIS_PASSWORD", "LEDGER_PASSWORD", "SAMPLE_SHOP_KEY", "SAMPLE_SHOP_SECRET"] {
            guard case .fixed = SecretForm(of: "TRANCHE_\(name)") else {
                Issue.record("TRANCHE_\(name) is no list that is read again")
                continue
            }
        }
        #expect(SecretForm(of: "TRANCHE_OUTBOX_QUEUE_SECRET") == .outbox)
    }
}
