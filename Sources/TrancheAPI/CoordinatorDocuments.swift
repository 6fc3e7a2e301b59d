package import TrancheCore

package struct QuotaCommands: Sendable, Codable {
    package let epoch: Epoch
    package let decisions: [Rebalancer.Decision]
    package init(epoch: Epoch, decisions: [Rebalancer.Decision]) { (self.epoch, self.decisions) = (epoch, decisions) }
}

package struct Leadership: Sendable, Codable {
    package let epoch: Epoch
    package init(epoch: Epoch) { self.epoch = epoch }
}

/// A coordinator's request for the lead, with the address where units can reach it.
package struct LeadBody: Sendable, Codable {
    package let url: String
    package init(url: String) { self.url = url }
}
