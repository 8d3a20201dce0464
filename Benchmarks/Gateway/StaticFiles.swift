import Foundation
import Hummingbird
import Logging
import NIOPosix

/// The baseline for transfers of files: Hummingbird's own server of static files, which also takes files.
///
/// `SandstormBenchmarks static-files DIRECTORY` serves until its standard input ends, and says on standard output where it listens.
enum StaticFiles {
    static func serve(_ directory: String) async throws {
        let router = Router()
        router.add(middleware: FileMiddleware(directory, searchForIndexHtml: false))
        let files = FileIO(threadPool: .singleton)
        router.put("/:name") { request, context in
            let name = try context.parameters.require("name")
            try await files.writeFile(contents: request.body, path: "\(directory)/\(name)", context: context)
            return HTTPResponse.Status.created
        }
        var logger = Logger(label: "static-files")
        logger.logLevel = .error
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                try? FileHandle.standardOutput.write(contentsOf: Data("http://127.0.0.1:\(channel.localAddress?.port ?? 0)\n".utf8))
            }, logger: logger)
        // It ends with whoever has started it.
        Thread.detachNewThread {
            while let bytes = try? FileHandle.standardInput.read(upToCount: 4096), !bytes.isEmpty {}
            exit(0)
        }
        try await application.run()
    }
}
