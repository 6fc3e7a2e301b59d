// swift-tools-version: 6.2
import PackageDescription

// Upcoming features that language mode 6 leaves off. An unknown name is accepted in silence by the
// compiler, so `ops/test` compares this list with `swiftc -print-supported-features`.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

// `TRANCHE_FUZZ=1` adds the fuzzing program, and counts the branches of what it reads. Otherwise neither exists: coverage
// slows everything down, and libFuzzer brings a runtime of its own.
let isFuzzing = Context.environment["TRANCHE_FUZZ"] == "1"
let fuzzed = settings + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : [])

// Tests are compiled as they are written: to optimise them would take longer than it saves when they run. What they test is
// optimised.
let plain = settings + [.unsafeFlags(["-Onone"])]

let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")

let package = Package(
    name: "tranche",
    products: [
        .executable(name: "tranche", targets: ["tranche"]),
        .executable(name: "tranche-bench", targets: ["tranche-bench"]),
        .executable(name: "tranche-unit", targets: ["tranche-unit"]),
        .executable(name: "tranche-gate", targets: ["tranche-gate"]),
        .executable(name: "tranche-config-center", targets: ["tranche-config-center"]),
        .executable(name: "tranche-coordinator", targets: ["tranche-coordinator"]),
        .executable(name: "tranche-sample-shop", targets: ["tranche-sample-shop"]),
        .executable(name: "tranche-sample-provider", targets: ["tranche-sample-provider"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.10.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
    ],
    targets: [
        // The core imports nothing: rules, with time and randomness as arguments.
        .target(name: "TrancheCore", swiftSettings: fuzzed),
        .systemLibrary(name: "CTimex"),
        .systemLibrary(name: "CSpawn"),
        .systemLibrary(name: "CEpoll"),
        .systemLibrary(name: "CNotify"),
        // Threads of our own, their mailboxes, and the check that each value is used by its owner only.
        .target(name: "Threads", dependencies: [nioConcurrency], swiftSettings: settings),
        .target(name: "Sockets", dependencies: ["CEpoll"], swiftSettings: fuzzed),
        .target(name: "TrancheAPI", dependencies: ["TrancheCore", crypto, cryptoExtras], swiftSettings: fuzzed),
        // The shop's proofs of identity.
        .target(
            name: "Identity", dependencies: ["TrancheAPI", "TrancheCore", crypto, jwtKit, nioConcurrency],
            swiftSettings: settings),
        // What reads bytes of strangers and of disks has targets of its own: the fuzzing program links no more than these.
        .target(
            name: "Edge", dependencies: ["Sockets", "TrancheAPI", nioCore, nioHTTP1, nioConcurrency],
            swiftSettings: fuzzed),
        .target(
            name: "ExpressParsing", dependencies: ["TrancheCore"], swiftSettings: fuzzed),
        .target(name: "LedgerRows", dependencies: ["TrancheCore"], swiftSettings: fuzzed),
        // A world has one thread. Checking that at every access took a tenth of its time.
        .target(
            name: "Simulation", dependencies: ["TrancheCore"],
            swiftSettings: settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),

        // Adapters: each C library is imported by exactly one module.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .target(
            name: "RedisClient", dependencies: ["TrancheCore", "CHiredis", "Threads", nioConcurrency],
            swiftSettings: settings),
        .systemLibrary(name: "CRabbit", providers: [.apt(["librabbitmq-dev"])]),
        .target(name: "RabbitClient", dependencies: ["CRabbit"], swiftSettings: settings),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CBrotli", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        // Its header knows the folder that the package config would name.
        .systemLibrary(name: "CPostgres", providers: [.apt(["libpq-dev"])]),
        .target(name: "PostgresClient", dependencies: ["TrancheCore", "CPostgres"], swiftSettings: settings),
        .target(name: "CurlClient", dependencies: ["CCurl", "Threads", nioConcurrency], swiftSettings: settings),
        .target(
            name: "Storage",
            dependencies: [
                "TrancheCore", "LedgerRows", "PostgresClient", "Threads", grdb, sqlite, crypto, nioConcurrency,
            ],
            swiftSettings: settings),
        .target(
            name: "DaemonSupport",
            dependencies: [
                "TrancheCore", "TrancheAPI", "CNotify", "CTimex", "CSpawn", "CurlClient", "Edge", "Sockets", "Threads",
                logging,
                lifecycle,
                hummingbird, hummingbirdCore, httpTypes, nioCore, nioHTTPTypes, nioHTTPTypesHTTP1, nioSSL,
                asn1, certificates, configuration, nioConcurrency, systemPackage, unixSignals,
            ],
            resources: [.embedInCode("HTTP/openapi.yaml")], swiftSettings: settings),

        // Threads that read plain requests of a crowd without the HTTP stack.
        .target(
            name: "Lanes",
            dependencies: [
                "TrancheCore", "TrancheAPI", "DaemonSupport", "Edge", "ExpressParsing", "Sockets", "Threads", logging,
                lifecycle, hummingbird, hummingbirdCore, httpTypes, nioHTTPTypes, nioCore, nioPosix, nioConcurrency,
            ],
            swiftSettings: settings),

        // Processes: a library each, so that tests reach them, and an executable of a few lines.
        .target(
            name: "UnitServer",
            dependencies: [
                "TrancheCore", "TrancheAPI", "DaemonSupport", "Edge", "ExpressParsing", "Lanes", "RedisClient",
                "CurlClient", "PostgresClient", "RabbitClient", "Storage", "Sockets", "Threads", logging, lifecycle,
                hummingbird,
                hummingbirdCore, httpTypes, nioCore, nioPosix, nioConcurrency,
            ],
            path: "Units/Server", swiftSettings: settings),
        .executableTarget(
            name: "tranche-unit", dependencies: ["UnitServer", "DaemonSupport", arguments], path: "Units/Main",
            swiftSettings: settings),
        // Files of pages, with their compressed forms and the fields of their answers.
        .target(
            name: "Pages", dependencies: ["TrancheAPI", "CZlib", "CBrotli", hummingbird, httpTypes, nioCore, crypto],
            swiftSettings: settings),
        .target(
            name: "GatePage", path: "Sources/Gate/Page",
            resources: [
                .embedInCode("index.html"), .embedInCode("page.js"), .embedInCode("page.css"), .embedInCode("de.json"),
                .embedInCode("en.json"),
            ],
            swiftSettings: settings),
        .target(
            name: "GateServer",
            dependencies: [
                "TrancheCore", "TrancheAPI", "DaemonSupport", "Edge", "ExpressParsing", "GatePage", "Identity", "Lanes",
                "Pages", "RedisClient", "CurlClient", "Sockets", "Threads", logging, lifecycle, hummingbird, httpTypes,
                nioCore, nioConcurrency, crypto,
            ],
            path: "Sources/Gate/Server", swiftSettings: settings),
        .executableTarget(
            name: "tranche-gate", dependencies: ["GateServer", "DaemonSupport", arguments], path: "Sources/Gate/Main",
            swiftSettings: settings),
        .target(
            name: "ConsolePage", path: "ConfigCenter/Console",
            resources: [
                .embedInCode("index.html"), .embedInCode("acts.js"), .embedInCode("approvals.js"),
                .embedInCode("charts.js"), .embedInCode("console.js"), .embedInCode("planning.js"),
                .embedInCode("schedule.js"), .embedInCode("views.js"), .embedInCode("console.css"),
            ],
            swiftSettings: settings),
        .target(
            name: "ConfigCenter",
            dependencies: [
                "TrancheCore", "TrancheAPI", "ConsolePage", "DaemonSupport", "Edge", "CurlClient", "Identity", "Pages",
                "PostgresClient", "Storage", "Threads",
                logging, lifecycle, hummingbird, hummingbirdCore, httpTypes, nioCore, nioConcurrency,
            ],
            path: "ConfigCenter/Server", swiftSettings: settings),
        .executableTarget(
            name: "tranche-config-center", dependencies: ["ConfigCenter", "DaemonSupport", arguments],
            path: "ConfigCenter/Main", swiftSettings: settings),
        .target(
            name: "Coordinator",
            dependencies: [
                "TrancheCore", "TrancheAPI", "DaemonSupport", "Edge", "CurlClient", logging, lifecycle, hummingbird,
                httpTypes, nioCore, nioConcurrency,
            ],
            path: "Sources/Coordinator/Server", swiftSettings: settings),
        .executableTarget(
            name: "tranche-coordinator", dependencies: ["Coordinator", "DaemonSupport", arguments],
            path: "Sources/Coordinator/Main", swiftSettings: settings),

        // A shop that sells through Tranche, for engineers of others to read.
        .target(
            name: "SampleShop",
            dependencies: [
                "TrancheCore", "TrancheAPI", "DaemonSupport", "Edge", "Identity", "Storage", logging, hummingbird,
                httpTypes, nioCore, grdb, crypto,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "tranche-sample-shop", dependencies: ["SampleShop", "DaemonSupport", arguments],
            path: "Sources/SampleShopMain", swiftSettings: settings),
        // A payment provider without money, for demos and tests.
        .target(
            name: "SampleProvider",
            dependencies: [
                "TrancheCore", "TrancheAPI", "CurlClient", "DaemonSupport", "Edge", "Storage", logging, lifecycle,
                hummingbird, httpTypes, nioCore, nioConcurrency, grdb,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "tranche-sample-provider", dependencies: ["SampleProvider", "DaemonSupport", arguments],
            path: "Sources/SampleProviderMain", swiftSettings: settings),

        // The operator's side.
        .target(
            name: "Verification", dependencies: ["TrancheCore", "TrancheAPI", "Storage", crypto],
            swiftSettings: settings),
        // Looks at a machine before a process starts there, and while it runs.
        .target(
            name: "Doctor",
            dependencies: ["TrancheCore", "CurlClient", "DaemonSupport", "RedisClient", "Sockets"],
            swiftSettings: settings),
        .target(
            name: "LoadGenerator",
            dependencies: [
                "TrancheCore", "TrancheAPI", "Identity", "Sockets", nioCore, nioPosix, nioConcurrency, histogram,
                "Threads", "DaemonSupport",
            ],
            swiftSettings: settings),
        .target(
            name: "WideArea",
            dependencies: [
                "DaemonSupport", "TrancheAPI", hummingbird, httpTypes, lifecycle, logging, nioCore, nioPosix,
                nioConcurrency,
            ],
            swiftSettings: settings),
        .target(
            name: "Terminal", dependencies: ["TrancheAPI", "TrancheCore", "Verification", nioConcurrency],
            swiftSettings: settings),
        .target(
            name: "Clusters",
            dependencies: [
                "TrancheCore", "TrancheAPI", "CurlClient", "DaemonSupport", "LoadGenerator", "PostgresClient",
                "SampleProvider", "SampleShop", "Sockets", "Terminal", "Threads", "Verification", "WideArea", logging,
                nioConcurrency,
            ],
            swiftSettings: settings),
        .target(
            name: "Rehearsal",
            dependencies: [
                "TrancheCore", "TrancheAPI", "Clusters", "CurlClient", "DaemonSupport", "LoadGenerator", "Simulation",
                "Storage", "Terminal", "Verification", "WideArea", nioConcurrency,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "tranche",
            dependencies: [
                "TrancheCore", "TrancheAPI", "Clusters", "DaemonSupport", "Doctor", "LoadGenerator", "PostgresClient",
                "Rehearsal", "Simulation", "Storage", "Terminal", "Verification", "WideArea", arguments, nioConcurrency,
                asn1, certificates, crypto,
            ],
            path: "Sources/TrancheCLI", swiftSettings: settings),
        .executableTarget(
            name: "tranche-bench",
            dependencies: [
                "TrancheCore", "TrancheAPI", "Clusters", "CurlClient", "DaemonSupport", "LoadGenerator", "Simulation",
                "PostgresClient", "Sockets", "Storage", "Terminal", "Threads", "Verification", "WideArea", arguments,
                crypto,
                nioConcurrency, nioCore, nioPosix,
            ],
            path: "Sources/TrancheBench", swiftSettings: settings),

        // Tests. Shared parts of them are a plain target.
        .target(
            name: "TestSupport", dependencies: ["Clusters", "DaemonSupport", "RabbitClient", "Sockets", "Terminal"],
            path: "Tests/TestSupport",
            swiftSettings: plain),
        .testTarget(name: "ThreadsTests", dependencies: ["Threads"], swiftSettings: plain),
        .testTarget(name: "TrancheCoreTests", dependencies: ["TrancheCore"], swiftSettings: plain),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation", "TrancheCore"], swiftSettings: plain),
        .testTarget(
            name: "TrancheAPITests", dependencies: ["TrancheAPI", "TrancheCore", crypto], swiftSettings: plain),
        .testTarget(
            name: "IdentityTests",
            dependencies: ["Identity", "TrancheAPI", "TrancheCore", crypto, cryptoExtras], swiftSettings: plain),
        .testTarget(
            name: "DaemonSupportTests",
            dependencies: [
                "DaemonSupport", "TrancheAPI", "TrancheCore", "CNotify", "TestSupport", lifecycle, logging,
                nioConcurrency,
            ],
            swiftSettings: plain),
        .testTarget(
            name: "EdgeTests", dependencies: ["Edge", "Sockets", "TrancheAPI", nioHTTP1, nioConcurrency],
            swiftSettings: plain),
        .testTarget(
            name: "PostgresClientTests", dependencies: ["PostgresClient", "TestSupport"], swiftSettings: plain),
        .testTarget(
            name: "StorageTests",
            dependencies: ["Storage", "LedgerRows", "PostgresClient", "TrancheCore", "TestSupport", grdb],
            swiftSettings: plain),
        .testTarget(
            name: "VerificationTests",
            dependencies: [
                "Verification", "Storage", "PostgresClient", "TrancheAPI", "TrancheCore", "TestSupport", grdb,
            ],
            swiftSettings: plain),
        .testTarget(
            name: "LanesTests",
            dependencies: [
                "Lanes", "DaemonSupport", "Edge", "ExpressParsing", "Sockets", logging, lifecycle, hummingbird,
                nioConcurrency,
            ],
            swiftSettings: plain),
        .testTarget(
            name: "UnitServerTests",
            dependencies: [
                "UnitServer", "Clusters", "CurlClient", "DaemonSupport", "ExpressParsing", "LoadGenerator",
                "RabbitClient", "RedisClient",
                "Sockets", "TrancheCore", "TrancheAPI", "TestSupport", logging, nioConcurrency,
            ],
            swiftSettings: plain),
        .testTarget(
            name: "SampleShopTests",
            dependencies: ["SampleShop", "Identity", "TrancheAPI", "TrancheCore", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "SampleProviderTests",
            dependencies: [
                "SampleProvider", "DaemonSupport", "TrancheAPI", "TrancheCore", "TestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "LoadGeneratorTests",
            dependencies: ["LoadGenerator", "Sockets", "TrancheAPI", "TrancheCore", nioConcurrency],
            swiftSettings: plain),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "TrancheCore", "TrancheAPI", "Clusters", "CurlClient", "DaemonSupport", "Identity", "LedgerRows",
                "LoadGenerator", "PostgresClient", "RabbitClient", "RedisClient", "SampleProvider", "SampleShop",
                "Sockets",
                "Storage", "Verification", "WideArea",
                "TestSupport",
                "tranche",
                "tranche-unit", "tranche-gate", "tranche-config-center", "tranche-coordinator", "tranche-sample-shop",
                "tranche-sample-provider", "tranche-bench",
                grdb, nioConcurrency,
            ],
            swiftSettings: plain),

        // Pieces of the hot path, timed, with a `malloc` that counts.
        .target(name: "CountedMalloc", path: "ops/bench/micro/CountedMalloc"),
        .executableTarget(
            name: "tranche-micro",
            dependencies: [
                "TrancheCore", "TrancheAPI", "DaemonSupport", "ExpressParsing", "LedgerRows", "CountedMalloc",
            ],
            path: "ops/bench/micro", exclude: ["CountedMalloc", "run"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

// The same sources twice: as a program of libFuzzer, or as tests that change the targets' seeds.
let fuzzTargets: [Target.Dependency] = [
    "TrancheCore", "TrancheAPI", "Edge", "ExpressParsing", "LedgerRows", nioCore, nioEmbedded, nioHTTP1, crypto,
]
if isFuzzing {
    package.targets.append(
        .executableTarget(
            name: "tranche-fuzz", dependencies: fuzzTargets, path: "Tests/Fuzzing", exclude: ["Corpus", "Mutations"],
            swiftSettings: fuzzed + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]))
} else {
    package.targets.append(
        .testTarget(
            name: "FuzzingTests", dependencies: fuzzTargets, path: "Tests/Fuzzing", exclude: ["Corpus", "Main.swift"],
            swiftSettings: plain))
}
