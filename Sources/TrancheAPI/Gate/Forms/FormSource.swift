/// Where a form, or an act, was sent from, as the browser says: another site's page must not act in a buyer's name, nor in an
/// operator's, whose certificate a browser shows to every page that calls the center.
///
/// For buyers the cookie's `SameSite=Strict` says the same; two checks stand, because each depends on the browser in
/// another way.
package struct FormSource: Hashable, Sendable {
    private let origin: String?
    private let fetchSite: String?
    private let host: String?

    /// - Parameters:
    ///   - origin: The field `Origin` (RFC 6454).
    ///   - fetchSite: The field `Sec-Fetch-Site` (W3C, Fetch Metadata).
    ///   - host: The authority of the request.
    package init(origin: String?, fetchSite: String?, host: String?) {
        (self.origin, self.fetchSite, self.host) = (origin, fetchSite, host)
    }

    /// Whether the form is from a page of this gate. A browser that says neither is refused.
    ///
    /// - Parameter home: The address under which buyers know the gate.
    package func isOwn(home: String) -> Bool {
        if let fetchSite, fetchSite != "same-origin" { return false }
        guard let origin else { return self.fetchSite != nil }
        guard let from = WebOrigin(address: origin) else { return false }
        if from == WebOrigin(address: home) { return true }
        // The gate may be known by another name, such as localhost. A browser does not let a page choose the field.
        return self.host.flatMap { WebOrigin(isEncrypted: from.isEncrypted, authority: $0) } == from
    }

    /// Whether a browser says that another site's page sent it. Who says nothing is no browser.
    package var isForeign: Bool {
        if let fetchSite, fetchSite != "same-origin", fetchSite != "none" { return true }
        guard let origin else { return false }
        guard let from = WebOrigin(address: origin) else { return true }
        return self.host.flatMap { WebOrigin(isEncrypted: from.isEncrypted, authority: $0) } != from
    }

    /// Whether it is from one of the shop's pages, which may sign its buyers in.
    package func isFrom(_ origins: [String]) -> Bool {
        guard let from = self.origin.flatMap({ WebOrigin(address: $0) }) else { return false }
        return origins.contains { WebOrigin(address: $0) == from }
    }
}
