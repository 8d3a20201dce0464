import HTTPTypes
import SandstormCore
import SandstormServer

extension Operation {
    static let ofFiles: [Operation] = [
        Operation(
            endpoint: .files, method: .get, id: "readFile", tag: .files, summary: "What is in a file.",
            description: "A file that becomes shorter meanwhile ends the connection.",
            parameters: [
                .path, .user, header("Range", "One range of bytes; several are answered with the whole file."),
                header("If-Range", "The range only of this version."), header("If-None-Match", "Versions that the client has."),
                header("If-Modified-Since", "The `Last-Modified` of the version that the client has."),
            ],
            answers: [
                Answer(status: 200, description: "All of it.", content: [(octets, .bytes)], headers: versions),
                Answer(
                    status: 206, description: "The range.", content: [(octets, .bytes)],
                    headers: versions + [("Content-Range", "Which bytes of how many.")]),
                Answer(status: 304, description: "The client has this version.", headers: versions),
            ],
            problems: Problem.Kind.ofFiles + [.rangeNotSatisfiable]),
        Operation(
            endpoint: .files, method: .put, id: "writeFile", tag: .files, summary: "Writes a file of any length.",
            description: "Parent directories are made. A file that is there is replaced when the last byte has come, or not at all.",
            parameters: [.path, .user, .mode("0644")], body: .bytes(octets),
            answers: [
                .json(.reference("FileInfo"), "A new file.", status: 201), .json(.reference("FileInfo"), "A file that was there before."),
            ], problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .files, method: .delete, id: "deleteFile", tag: .files, summary: "Removes a file, a link or a directory.",
            parameters: [.path, .user, .flag("recursive", "Also a directory that is not empty.")], answers: [.empty("It is gone.")],
            problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .fileInfo, method: .get, id: "getFileInfo", tag: .files, summary: "What is at a path.",
            parameters: [.path, .user, .flag("followLinks", "A link stands for what it points to; the default.")],
            answers: [.json(.reference("FileInfo"), "About it.")], problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .fileInfo, method: .patch, id: "changeFile", tag: .files, summary: "Changes mode, owner, group or time.",
            parameters: [.path, .user], body: .json(.reference("FileAttributes")),
            answers: [.json(.reference("FileInfo"), "As it is now.")],
            problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .fileList, method: .get, id: "listFiles", tag: .files, summary: "What is in a directory.",
            parameters: [.path, .user, .query("depth", .integer(1...FileRoutes.maximumDepth, default: 1), "More for subdirectories.")],
            answers: [.json(.reference("FileList"), "By path, without the directory itself.")], problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .directories, method: .post, id: "makeDirectory", tag: .files, summary: "Makes a directory and its parents.",
            parameters: [.path, .user, .mode("0755")],
            answers: [
                .json(.reference("FileInfo"), "A new one.", status: 201), .json(.reference("FileInfo"), "One that was there."),
            ], problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .fileMove, method: .post, id: "moveFile", tag: .files, summary: "Moves a file or a directory.",
            parameters: [.user], body: .json(.reference("MoveRequest")), answers: [.json(.reference("FileInfo"), "Where it is now.")],
            problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .fileWatch, method: .get, id: "watchFiles", tag: .files, summary: "What changes in a directory.",
            description: "First an event `watching`: nothing is missed from there on. Then `change` with `type` and `path`.",
            parameters: [.path, .user, .flag("recursive", "Also in subdirectories, new ones included.")],
            answers: [.events("The changes, until the client leaves.")], problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .archive, method: .get, id: "packFiles", tag: .files, summary: "A directory or a file as a tar archive.",
            parameters: [.path, .user], answers: [Answer(status: 200, description: "The archive.", content: [(tar, .bytes)])],
            problems: Problem.Kind.ofFiles),
        Operation(
            endpoint: .archive, method: .put, id: "unpackFiles", tag: .files, summary: "Unpacks a tar archive into a directory.",
            description: "Members that would end up outside of it are refused; what was unpacked before them stays.",
            parameters: [.path, .user], body: .bytes(tar), answers: [.empty("All of it is there.")], problems: Problem.Kind.ofFiles),
    ]

    private static let octets = "application/octet-stream"
    private static let tar = "application/x-tar"
    private static let versions: [(name: String, description: String)] = [
        ("ETag", "The version."), ("Last-Modified", "Its time, to the second."), ("Accept-Ranges", "`bytes`."),
    ]

    private static func header(_ name: String, _ description: String) -> Parameter {
        Parameter(name: name, place: "header", schema: .string(), description: description)
    }
}
