// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")

/// What runs inside of sandboxes: see `InterpreterPrograms`.
let interpreterPrograms = [
    "JavaKernel.java", "bash_kernel.py", "bootstrap.py", "charts.py", "http_server.py", "interpreter.py", "javascript_kernel.js",
    "jupyter_kernel.py", "kernels.py", "languages.py", "pipe_kernel.py", "processes.py", "python_kernel.py",
]

let package = Package(
    name: "sandstorm",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "sandstorm", targets: ["SandstormCLI"]),
        .library(name: "Sandstorm", targets: ["Sandstorm"]),
        .library(name: "SandstormCore", targets: ["SandstormCore"]),
        .library(name: "ProviderConformance", targets: ["ProviderConformance"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Floor 0: the waist and the vocabulary.
        .target(name: "SandstormCore", dependencies: [nioCore], swiftSettings: settings),

        // Floor 1: plumbing, pure routing, what outlives the process.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "SandstormWire", dependencies: ["SandstormCore", "CZlib", nioCore, nioPosix, nioHTTP, nioSSL, crypto, httpClient],
            swiftSettings: settings),
        .target(name: "SandstormRouting", dependencies: ["SandstormCore"], swiftSettings: settings),
        .target(
            name: "SandstormStore",
            dependencies: ["SandstormCore", .product(name: "GRDB", package: "GRDB.swift"), crypto],
            swiftSettings: settings),

        // Floor 2: one adapter for each kind of place.
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(
            name: "CSeccomp", path: "Sources/Providers/CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(
            name: "LocalProvider",
            dependencies: [
                "SandstormCore", "SandstormWire", nioCore, nioPosix, logging,
                .target(name: "CSeccomp", condition: .when(platforms: [.linux])),
            ],
            path: "Sources/Providers/LocalProvider", swiftSettings: settings),
        .target(
            name: "NullProvider", dependencies: ["SandstormCore", nioCore], path: "Sources/Providers/NullProvider", swiftSettings: settings),
        .target(
            name: "E2BProvider", dependencies: ["SandstormCore", "SandstormWire", nioCore, nioHTTP, crypto],
            path: "Sources/Providers/E2BProvider", swiftSettings: settings),

        // Floor 3: a run, step by step.
        .target(
            name: "SandstormEngine",
            dependencies: ["SandstormCore", "SandstormRouting", "SandstormStore", nioCore, logging, lifecycle, crypto],
            swiftSettings: settings),

        // Floor 4: decode, call the engine, encode. What all front ends share is below them.
        .target(
            name: "SandstormServer",
            dependencies: [
                "SandstormCore", "SandstormWire", "SandstormEngine", "SandstormStore", nioCore, nioPosix, nioHTTP, nioHTTPTypes,
                nioHTTPTypesHTTP1, httpClient, logging, lifecycle, hummingbird, nioSSL,
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
            ],
            path: "Sources/FrontEnds/SandstormServer", swiftSettings: settings),
        .target(
            name: "NativeAPI",
            dependencies: [
                "SandstormServer", "SandstormCore", "SandstormWire", "SandstormEngine", "SandstormStore", nioCore, hummingbird,
            ],
            path: "Sources/FrontEnds/NativeAPI", swiftSettings: settings),
        .target(
            name: "E2BAPI",
            dependencies: [
                "SandstormServer", "SandstormCore", "SandstormWire", "SandstormEngine", "SandstormStore", nioCore, nioPosix, crypto,
                lifecycle, hummingbird,
            ],
            path: "Sources/FrontEnds/E2BAPI",
            resources: interpreterPrograms.map { .embedInCode("Interpreter/Programs/\($0)") }, swiftSettings: settings),

        // Floor 5: the SDK that users import, and the program.
        .target(
            name: "Sandstorm",
            dependencies: [
                "SandstormCore", "SandstormWire", "SandstormEngine", "SandstormStore", "LocalProvider", nioCore, nioPosix, nioHTTP,
                logging, httpClient,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "SandstormCLI",
            dependencies: [
                "Sandstorm", "SandstormCore", "SandstormEngine", "SandstormStore", "LocalProvider", "NullProvider", "E2BProvider",
                "SandstormServer",
                "NativeAPI", "E2BAPI", nioCore,
                nioPosix, logging, lifecycle,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .target(name: "CMalloc", condition: .when(platforms: [.linux])),
            ],
            swiftSettings: settings),

        // What is promised about speed: `make bench`.
        .target(name: "BenchmarkFigures", dependencies: ["SandstormCore"], path: "Benchmarks/Figures", swiftSettings: settings),
        .executableTarget(
            name: "SandstormBenchmarks",
            dependencies: [
                "BenchmarkFigures", "SandstormCore", "SandstormWire", "SandstormStore", "SandstormEngine", "LocalProvider",
                "SandstormTestSupport", nioCore,
                nioPosix, nioHTTP, logging, httpClient, hummingbird,
            ],
            path: "Benchmarks/Gateway", swiftSettings: settings),

        // What routing is worth, and what it costs: `make bench-routing`. What is simulated is a library, so that tests can reach it.
        .target(
            name: "RoutingSimulation", dependencies: ["SandstormRouting", "SandstormCore"], path: "Benchmarks/RoutingQuality/Simulation",
            swiftSettings: settings),
        .executableTarget(
            name: "RoutingQuality", dependencies: ["RoutingSimulation", "SandstormRouting", "SandstormCore"],
            path: "Benchmarks/RoutingQuality/Command", swiftSettings: settings),
        .executableTarget(
            name: "RoutingSpeed", dependencies: ["BenchmarkFigures", "SandstormRouting", "SandstormCore"], path: "Benchmarks/RoutingSpeed",
            swiftSettings: settings),

        // What every provider must show, ours and a third party's; and an example of one, which sees no more of us than a third party does.
        .target(name: "ProviderConformance", dependencies: ["SandstormCore", nioCore], swiftSettings: settings),
        .target(
            name: "ExampleProvider", dependencies: ["SandstormCore", nioCore], path: "examples/provider/Sources", packageAccess: false,
            swiftSettings: settings),

        // Tests.
        .target(
            name: "SandstormTestSupport",
            dependencies: ["SandstormCore", "SandstormStore", "SandstormEngine", nioCore, logging], path: "Tests/SandstormTestSupport",
            swiftSettings: settings),
        .testTarget(name: "SandstormCoreTests", dependencies: ["SandstormCore", "SandstormTestSupport", nioCore], swiftSettings: settings),
        .testTarget(
            name: "SandstormWireTests",
            dependencies: ["SandstormWire", "SandstormCore", "SandstormTestSupport", nioCore, nioPosix, nioHTTP, nioSSL],
            swiftSettings: settings),
        .testTarget(
            name: "RoutingSimulationTests", dependencies: ["RoutingSimulation", "SandstormRouting", "SandstormCore"],
            swiftSettings: settings),
        .testTarget(name: "SandstormRoutingTests", dependencies: ["SandstormRouting", "SandstormCore"], swiftSettings: settings),
        .testTarget(
            name: "SandstormStoreTests",
            dependencies: [
                "SandstormStore", "SandstormCore", "SandstormTestSupport", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "LocalProviderTests", dependencies: ["LocalProvider", "SandstormCore", "SandstormTestSupport", nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "E2BProviderTests",
            dependencies: [
                "E2BProvider", "SandstormCore", "SandstormWire", "SandstormTestSupport", nioCore, nioPosix, nioHTTP,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ExampleProviderTests", dependencies: ["ExampleProvider", "ProviderConformance", "SandstormCore"],
            path: "examples/provider/Tests", packageAccess: false, swiftSettings: settings),
        .testTarget(
            name: "ProviderConformanceTests",
            dependencies: [
                "ProviderConformance", "LocalProvider", "E2BProvider", "E2BAPI", "SandstormServer", "SandstormEngine", "SandstormStore",
                "SandstormCore", "SandstormTestSupport", nioCore, nioPosix, nioHTTP, nioSSL, httpClient, logging, lifecycle,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SandstormEngineTests",
            dependencies: [
                "SandstormEngine", "SandstormRouting", "SandstormStore", "SandstormCore", "SandstormTestSupport", nioCore, logging, crypto,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "NativeAPITests",
            dependencies: [
                "NativeAPI", "SandstormServer", "SandstormEngine", "SandstormStore", "SandstormCore", "SandstormTestSupport",
                "SandstormWire",
                nioCore,
                nioPosix, nioHTTP, httpClient,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                hummingbird,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "E2BAPITests",
            dependencies: [
                "E2BAPI", "SandstormServer", "SandstormEngine", "SandstormStore", "SandstormCore", "SandstormWire", "SandstormTestSupport",
                "LocalProvider", nioCore, nioPosix, nioHTTP, httpClient, logging, lifecycle, crypto,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SandstormTests",
            dependencies: ["Sandstorm", "SandstormCore", "SandstormEngine", "SandstormTestSupport", "SandstormCLI", nioCore, logging],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "SandstormCLI", "SandstormCore", "SandstormTestSupport", nioCore, nioHTTP, httpClient,
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
    ]
)

// A build of its own, as scripts/sanitize.sh makes one, starts from nothing: only the named targets, then, and what they need.
if let names = Context.environment["SANDSTORM_ONLY_TARGETS"] {
    var wanted: Set<String> = []
    var next = names.split(separator: ",").map(String.init)
    while let name = next.popLast() {
        guard wanted.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else { continue }
        next += target.dependencies.compactMap { dependency in
            switch dependency {
            case .byNameItem(let name, _), .targetItem(let name, _): name
            default: nil
            }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products = []
}
