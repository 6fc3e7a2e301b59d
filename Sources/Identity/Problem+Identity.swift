package import TrancheAPI

extension Problem {
    package init(_ error: IdentityError) { self.init(status: 401, code: "bad_identity", detail: error.description) }
}
