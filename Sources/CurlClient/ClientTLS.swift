import CCurl

/// The client certificate of outgoing calls, and the authority that they trust: paths of PEM files.
package struct ClientTLS: Hashable, Sendable {
    /// The content of the three files, read together.
    package struct Pieces: Sendable {
        package let certificate: [UInt8]
        package let key: [UInt8]
        package let authority: [UInt8]
        package init(certificate: [UInt8], key: [UInt8], authority: [UInt8]) {
            (self.certificate, self.key, self.authority) = (certificate, key, authority)
        }
    }

    /// Seconds after which no new call uses a connection. A server's old certificate lives on for as long.
    package static let connectionSeconds = 300

    package let certificate: String
    package let key: String
    package let authority: String
    /// Whether addresses that begin with http:// are refused, so that an address from a peer cannot disable the
    /// encryption.
    package let isRequired: Bool
    /// Where a process that lives long gets the content of the files; `nil`: libcurl reads them for each connection,
    /// and a moment between the replacement of certificate and key fails a call.
    private let fresh: (@Sendable () -> Pieces)?

    package init(
        certificate: String, key: String, authority: String, isRequired: Bool = false,
        fresh: (@Sendable () -> Pieces)? = nil
    ) {
        (self.certificate, self.key, self.authority) = (certificate, key, authority)
        self.isRequired = isRequired
        self.fresh = fresh
    }

    package static func == (one: ClientTLS, other: ClientTLS) -> Bool {
        one.certificate == other.certificate && one.key == other.key && one.authority == other.authority
            && one.isRequired == other.isRequired
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.certificate)
        hasher.combine(self.key)
        hasher.combine(self.authority)
        hasher.combine(self.isRequired)
    }

    /// Sets the options of a call. libcurl compares the content of certificate and authority with that of its open
    /// connections, so a new certificate takes new connections.
    func apply(to handle: UnsafeMutableRawPointer) {
        _ = ccurl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_3))
        _ = ccurl_set_long(handle, CURLOPT_MAXLIFETIME_CONN, Self.connectionSeconds)
        // A resumed session keeps the certificates of its first handshake.
        _ = ccurl_set_long(handle, CURLOPT_SSL_SESSIONID_CACHE, 0)
        // Without this line, libcurl also trusts the system's folder of public authorities.
        _ = ccurl_set_string(handle, CURLOPT_CAPATH, nil)
        guard let pieces = self.fresh?() else {
            _ = ccurl_set_string(handle, CURLOPT_CAINFO, self.authority)
            // libcurl keeps an authority for a day otherwise.
            _ = ccurl_set_long(handle, CURLOPT_CA_CACHE_TIMEOUT, 0)
            _ = ccurl_set_string(handle, CURLOPT_SSLCERT, self.certificate)
            _ = ccurl_set_string(handle, CURLOPT_SSLKEY, self.key)
            return
        }
        for (option, bytes) in [
            (CURLOPT_CAINFO_BLOB, pieces.authority), (CURLOPT_SSLCERT_BLOB, pieces.certificate),
            (CURLOPT_SSLKEY_BLOB, pieces.key),
        ] {
            // libcurl copies the bytes at once.
            _ = bytes.withUnsafeBytes { ccurl_set_blob(handle, option, $0.baseAddress, $0.count) }
        }
    }
}
