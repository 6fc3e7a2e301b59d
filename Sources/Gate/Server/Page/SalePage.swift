import DaemonSupport
import Foundation
import GatePage
import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import NIOCore
import Pages
import TrancheAPI
import TrancheCore

/// The page of each sale, and its files.
struct SalePage: Sendable {
    private let house: Gatehouse
    private let status: StatusPages
    private let assets: PageAssets
    private let template: String
    private let pages = PageCache()
    private let names: (script: String, style: String, languages: String)

    init(house: Gatehouse, status: StatusPages) {
        (self.house, self.status) = (house, status)
        var assets = PageAssets()
        let script = assets.add("page", "js", PageFiles.script, "text/javascript; charset=utf-8")
        let style = assets.add("page", "css", PageFiles.style, "text/css; charset=utf-8")
        let languages = PageFiles.languages.map { name, bytes in
            "\"\(name)\":\"\(assets.add(name, "json", bytes, "application/json"))\""
        }.sorted().joined(separator: ",")
        self.template = String(decoding: PageFiles.html, as: UTF8.self)
        self.names = (script, style, "{\(languages)}")
        self.assets = assets
    }

    /// The name of the style sheet's file.
    var style: String { self.names.style }

    func add(to router: Router<TrancheContext>) {
        router.get("/") { _, _ in
            let sales = self.sales
            guard sales.count == 1 else { return self.list(sales) }
            return Response(status: .found, headers: [.location: "/sales/\(sales[0].id)", .cacheControl: "no-store"])
        }
        router.get("/sales") { _, _ in self.list(self.sales) }
        router.get("/sales/:sale") { request, context in
            let name = context.parameters.get("sale") ?? ""
            guard let sale = self.sales.first(where: { $0.id == name }) else { throw StatusPages.unknown(name) }
            return PageAssets.answer(
                request, self.pages.file(self.html(sale)), type: "text/html; charset=utf-8",
                cache: "public, max-age=5", policy: self.policy)
        }
        router.get("/assets/:name") { request, context in
            try self.assets.answer(request, name: context.parameters.get("name") ?? "", policy: self.policy)
        }
    }

    /// Announced sales that are not over.
    private var sales: [SaleConfig.Sale] {
        self.house.setting.withLockedValue { $0.config.sales }.filter { $0.state != .draft && $0.state != .settled }
    }

    /// The page may load its own files, and call this gate and the units.
    private var policy: String {
        let units = self.house.setting.withLockedValue { $0.config.units.map(\.publicURL) }.sorted()
        // A captcha provider shows its question in frames of its own.
        let others = (self.house.configuration.captcha?.origins ?? []).map { " " + $0 }.joined()
        return "default-src 'none'; script-src 'self'\(others); style-src 'self'\(others); "
            + (others.isEmpty ? "" : "frame-src\(others); ")
            + "connect-src 'self'\(others) "
            + (units + ["; img-src 'self' data:; worker-src 'self'; form-action 'self'; base-uri 'none'; "])
            .joined(separator: " ") + "frame-ancestors 'none'"
    }

    private func list(_ sales: [SaleConfig.Sale]) -> Response {
        let links = sales.map { "<li><a href=\"/sales/\($0.id)\">\(HTMLText.escaped($0.name))</a></li>" }.joined()
        let body = sales.isEmpty ? "<p>No sale is announced.</p>" : "<ul>\(links)</ul>"
        let html =
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sales</title>"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
            + "<link rel=\"stylesheet\" href=\"/assets/\(self.names.style)\"></head>"
            + "<body><main><h1>Sales</h1>\(body)</main></body></html>"
        return Response(
            status: .ok,
            headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "public, max-age=5"],
            body: .init(byteBuffer: ByteBuffer(string: html)))
    }

    /// The page as a browser without scripts sees it.
    private func html(_ sale: SaleConfig.Sale) -> String {
        let document = self.status.page(sale.id).flatMap { try? JSON.decode(StatusDocument.self, from: $0.body) }
        let lots = sale.lots.map { lot in
            let band = document?.lots.first { $0.id == lot.id }?.band
            return "<li>\(HTMLText.escaped(lot.name))" + (band == .gone ? ": sold out" : "") + "</li>"
        }.joined()
        let phase =
            switch document?.phase {
            case .open: "The sale is open"
            case .paused: "The sale is paused"
            case .ended: "The sale has ended"
            case .waiting, nil: "The sale has not opened yet"
            }
        let values = [
            "name": HTMLText.escaped(sale.name), "saleId": HTMLText.escaped(sale.id), "phaseText": phase,
            "opensAtText": "It opens at \(Self.date(sale.startsAtMilliseconds)).", "lotsHtml": lots,
            "script": self.names.script, "style": self.names.style, "languages": HTMLText.escaped(self.names.languages),
        ]
        var html = self.template
        for (name, value) in values { html = html.replacing("{{\(name)}}", with: value) }
        return html
    }

    private static func date(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(.iso8601)
    }

}

/// The last forms of the page: it changes with the phase, and not with each request.
private final class PageCache: Sendable {
    private static let limit = 64
    private let files = NIOLockedValueBox<[String: Compressed]>([:])

    func file(_ html: String) -> Compressed {
        if let known = self.files.withLockedValue({ $0[html] }) { return known }
        let made = Compressed(Array(html.utf8))
        self.files.withLockedValue { files in
            if files.count >= Self.limit { files = [:] }
            files[html] = made
        }
        return made
    }
}
