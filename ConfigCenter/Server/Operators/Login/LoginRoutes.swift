import DaemonSupport
import HTTPTypes
import Hummingbird
import Identity
import Storage
import TrancheAPI
import TrancheCore

/// Signing in to the console with the shop's provider: the code flow of OpenID Connect, with PKCE.
struct LoginRoutes: Sendable {
    /// Bytes of a code, and of a state.
    private static let answerBytes = 2_048

    let desk: LoginDesk
    let seat: CenterSeat
    let refusals: RefusalLog

    func add(to router: Router<TrancheContext>) {
        router.get("/console/login") { _, _ in try await self.begin() }
        router.get("/console/login/callback") { request, _ in try await self.finish(request) }
        router.group("/console/login/end").add(middleware: OwnPageMiddleware()).post { request, _ in
            self.desk.end(request)
            return Response(status: .noContent, headers: self.cookies([self.desk.sessionCookie.cleared]))
        }
    }

    /// Sends the browser to the provider.
    private func begin() async throws(Problem) -> Response {
        let endpoints = try await self.desk.provider.endpoints()
        var generator = SystemRandomNumberGenerator()
        let attempt = LoginAttempt(now: SystemClock.now(), using: &generator)
        let settings = self.desk.settings
        let address = endpoints.address(
            for: attempt, client: settings.client, redirect: settings.redirect, scopes: settings.scopes)
        let cookie = self.desk.attemptCookie.field(
            self.desk.seal.seal(attempt), seconds: LoginAttempt.lifetimeMilliseconds / 1_000)
        return self.redirect(to: address, [cookie])
    }

    /// The browser comes back with a code, or with a refusal of the provider.
    private func finish(_ request: Request) async throws(Problem) -> Response {
        let query = request.uri.queryParameters
        guard let state = query.get("state"), state.utf8.count <= Self.answerBytes,
            let sealed = request.cookie(self.desk.attemptCookie.name),
            let attempt = self.desk.seal.open(sealed, now: SystemClock.now()),
            ConstantTime.isEqual(attempt.state.utf8, state.utf8)
        else {
            throw Problem(
                status: 400, code: "login_mismatch",
                detail: "this is no answer to a login that this browser began here in the last ten minutes: begin again"
            )
        }
        guard let code = query.get("code"), (1...Self.answerBytes).contains(code.utf8.count) else {
            throw Problem(
                status: 401, code: "login_refused",
                detail: "the provider refused the login: \(query.get("error")?.prefix(40) ?? "it sent no code")")
        }
        let claims = try await self.desk.provider.claims(code: code, attempt)
        let person: Operator
        do throws(Problem) { person = try self.desk.person(claims) } catch {
            await self.refusals.note(error, actor: "somebody of the provider", of: .stranger, request)
            throw error
        }
        let session = try self.desk.begin(claims, as: person)
        if let center = try? self.seat.center {
            await center.keeper.note(
                AuditNote(
                    at: SystemClock.now(), actor: person.name, action: "login",
                    detail: "with the provider, as \(person.role.rawValue)"))
        }
        return self.redirect(
            to: "/console",
            [
                self.desk.attemptCookie.cleared,
                self.desk.sessionCookie.field(session, seconds: LoginSessions.lifetimeMilliseconds / 1_000),
            ])
    }

    private func redirect(to address: String, _ cookies: [String]) -> Response {
        var headers = self.cookies(cookies)
        headers[.location] = address
        headers[.cacheControl] = "no-store"
        if let policy = HTTPField.Name("Referrer-Policy") { headers[policy] = "no-referrer" }
        return Response(status: .seeOther, headers: headers)
    }

    private func cookies(_ cookies: [String]) -> HTTPFields {
        var headers = HTTPFields()
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return headers
    }
}
