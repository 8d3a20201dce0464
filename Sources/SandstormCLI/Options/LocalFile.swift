import Sandstorm

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A file on this machine that somebody named.
struct LocalFile {
    /// The most that one file may hold: what a gateway takes in a request.
    static let limit = 16 * 1024 * 1024

    let path: String

    init(_ path: String) { self.path = path }

    /// Splits `LOCAL[:PATH]`. A local file whose name holds a colon is found under its whole name.
    static func split(_ argument: String) -> (local: LocalFile, path: String?) {
        guard !FileManager.default.fileExists(atPath: argument), let colon = argument.lastIndex(of: ":"), colon > argument.startIndex else {
            return (LocalFile(argument), nil)
        }
        return (LocalFile(String(argument[..<colon])), String(argument[argument.index(after: colon)...]))
    }

    /// The last part of the path.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// What follows the last dot of the name; empty without one.
    var fileExtension: String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "" }
        return String(name[name.index(after: dot)...])
    }

    var isExecutable: Bool { FileManager.default.isExecutableFile(atPath: path) }

    /// All of the file.
    ///
    /// - Parameter place: the option that named it.
    func read(as place: String) throws(OptionProblem.Thrown) -> [UInt8] {
        func refusal(_ detail: String, _ remedy: String) -> OptionProblem.Thrown {
            OptionProblem.Thrown(OptionProblem(place, detail, remedy: remedy))
        }
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw refusal("\(path) does not exist", "check the spelling of the path")
        }
        if isDirectory { throw refusal("\(path) is a directory", "name a file") }
        let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? UInt64 ?? 0
        guard size <= UInt64(LocalFile.limit) else { throw refusal("\(path) is larger than 16 MiB", "let the code fetch it instead") }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw refusal("\(path) can't be read", "see that you may read it")
        }
        return Array(data)
    }
}

extension OptionProblem {
    /// A problem on its way to the others.
    struct Thrown: Error {
        let problem: OptionProblem

        init(_ problem: OptionProblem) { self.problem = problem }
    }
}
