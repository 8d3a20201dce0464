import NIOCore
import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ConformanceCase {
    static let fileTree: [ConformanceCase] = [
        ConformanceCase(.files, "a directory and its parents are made once") { c in
            let sandbox = try await c.sandbox()
            c.expect("made first", try await sandbox.files.makeDirectory(c.path("a/b/c"), mode: 0o750), is: true)
            c.expect("made again", try await sandbox.files.makeDirectory(c.path("a/b/c"), mode: 0o750), is: false)
            let seen = try await c.shell(sandbox, "ls -ld a/b/c").stdout
            c.expect("what it is", String(seen.prefix(10)), is: "drwxr-x---")
        },
        ConformanceCase(.files, "a directory is not made where a file is") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo x > file")
            await c.refusal("at a file", .invalid, file: [.exists, .notDirectory]) {
                try await sandbox.files.makeDirectory(c.path("file"), mode: 0o755)
            }
            await c.refusal("below a file", .invalid, file: [.notDirectory]) {
                try await sandbox.files.makeDirectory(c.path("file/below"), mode: 0o755)
            }
        },
        ConformanceCase(.files, "a file is moved, with its content and permissions") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("from"), ByteBuffer(string: "moved"), mode: 0o750)
            try await sandbox.files.move(c.path("from"), to: c.path("to"), replacing: false)
            let seen = try await c.shell(sandbox, "cat to; ls -A; ls -l to")
            c.expect(seen.stdout.hasPrefix("movedto\n-rwxr-x---"), "what is there afterwards: \(seen)")
        },
        ConformanceCase(.files, "a directory is moved with what is in it") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p from/deep; echo x > from/deep/file")
            try await sandbox.files.move(c.path("from"), to: c.path("to"), replacing: false)
            c.expect("what is there", try await c.shell(sandbox, "ls -A; cat to/deep/file").stdout, is: "to\nx\n")
        },
        ConformanceCase(.files, "a move replaces only when it may") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo one > one; echo two > two")
            await c.refusal("moving onto a file", .invalid, file: [.exists]) {
                try await sandbox.files.move(c.path("one"), to: c.path("two"), replacing: false)
            }
            c.expect("afterwards", try await c.shell(sandbox, "cat one two").stdout, is: "one\ntwo\n")
            try await sandbox.files.move(c.path("one"), to: c.path("two"), replacing: true)
            c.expect("after a move that may replace", try await c.shell(sandbox, "ls -A; cat two").stdout, is: "two\none\n")
        },
        ConformanceCase(.files, "a file, a link and an empty directory are removed") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo x > file; ln -s kept link; echo kept > kept; mkdir empty")
            for name in ["file", "link", "empty"] { try await sandbox.files.remove(c.path(name), recursively: false) }
            c.expect("what is left", try await c.shell(sandbox, "ls -A; cat kept").stdout, is: "kept\nkept\n")
        },
        ConformanceCase(.files, "a full directory is removed only with what is in it") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(
                sandbox, "mkdir -p full/deep outside; echo x > full/deep/file; echo safe > outside/file; ln -s ../outside full/link")
            await c.refusal("removing it alone", .invalid, file: [.notEmpty]) {
                try await sandbox.files.remove(c.path("full"), recursively: false)
            }
            c.expect("what is in it then", try await c.shell(sandbox, "cat full/deep/file").stdout, is: "x\n")
            try await sandbox.files.remove(c.path("full"), recursively: true)
            c.expect(
                "what is left, behind its link too", try await c.shell(sandbox, "ls -A; cat outside/file").stdout, is: "outside\nsafe\n")
        },
        ConformanceCase(.files, "permissions are changed") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo x > file")
            try await sandbox.files.setAttributes(FileAttributes(mode: 0o705), of: c.path("file"))
            c.expect("the permissions", String(try await c.shell(sandbox, "ls -l file").stdout.prefix(10)), is: "-rwx---r-x")
            c.expect("as they are told", try await sandbox.files.info(c.path("file"), followingLinks: true).mode, is: 0o705)
        },
        ConformanceCase(.files, "the time of the last change is set and told") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo x > file; echo y > mark")
            let date = Date(timeIntervalSince1970: 1_234_567_890)
            try await sandbox.files.setAttributes(FileAttributes(modifiedAt: date), of: c.path("file"))
            let info = try await sandbox.files.info(c.path("file"), followingLinks: true)
            c.expect(abs(info.modifiedAt.timeIntervalSince(date)) < 1, "it was set to \(date), and is \(info.modifiedAt)")
            c.expect("whether a command finds it older", try await c.shell(sandbox, "test file -ot mark; echo $?").stdout, is: "0\n")
            let mark = try await sandbox.files.info(c.path("mark"), followingLinks: true).modifiedAt
            c.expect(abs(mark.timeIntervalSinceNow) < 3600, "a new file was changed at \(mark)")
        },
        ConformanceCase(.files, "a file and a directory are described") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "printf 12345 > file; chmod 640 file; mkdir -m 711 directory")
            let file = try await sandbox.files.info(c.path("file"), followingLinks: true)
            c.expect("the file's path", file.path, is: c.path("file"))
            c.expect("the file's name", file.name, is: "file")
            c.expect("what the file is", file.kind, is: .file)
            c.expect("the file's size", file.size, is: 5)
            c.expect("the file's permissions", file.mode, is: 0o640)
            let owner = try await c.shell(sandbox, "id -un 2>/dev/null || id -u; id -u")
            c.expect(
                owner.stdout.split(separator: "\n").contains { $0 == file.owner }, "it belongs to \(file.owner), not to \(owner.stdout)")
            let directory = try await sandbox.files.info(c.path("directory"), followingLinks: true)
            c.expect("what the directory is", directory.kind, is: .directory)
            c.expect("the directory's permissions", directory.mode, is: 0o711)
        },
        ConformanceCase(.files, "a link is described, or what it points to") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "printf 12345 > file; ln -s file link; ln -s nowhere broken")
            let link = try await sandbox.files.info(c.path("link"), followingLinks: false)
            c.expect("what the link is", link.kind, is: .symbolicLink)
            c.expect("where it points", link.linkTarget, is: "file")
            let target = try await sandbox.files.info(c.path("link"), followingLinks: true)
            c.expect("what it points to", target.kind, is: .file)
            c.expect("its size", target.size, is: 5)
            c.expect("what a broken link is", try await sandbox.files.info(c.path("broken"), followingLinks: false).kind, is: .symbolicLink)
            await c.refusal("following a broken link", .invalid, file: [.notFound]) {
                try await sandbox.files.info(c.path("broken"), followingLinks: true)
            }
        },
    ]

    static let listing: [ConformanceCase] = [
        ConformanceCase(.listing, "a directory's entries are listed by path, itself not") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(
                sandbox, "mkdir -p d/sub; printf 123 > d/file; echo x > d/sub/deep; ln -s file d/link; echo h > d/.hidden")
            let entries = try await sandbox.files.list(c.path("d"), depth: 1)
            c.expect("the paths", entries.map(\.path), is: [".hidden", "file", "link", "sub"].map { c.path("d/\($0)") })
            c.expect("the kinds", entries.map(\.kind), is: [.file, .file, .symbolicLink, .directory])
            c.expect("a size", entries.first { $0.name == "file" }?.size, is: 3)
            c.expect("a link's target", entries.first { $0.name == "link" }?.linkTarget, is: "file")
        },
        ConformanceCase(.listing, "a depth reaches just so deep") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p d/1/2/3; echo x > d/1/2/3/file")
            for depth in 1...4 {
                let entries = try await sandbox.files.list(c.path("d"), depth: depth)
                let all = ["d/1", "d/1/2", "d/1/2/3", "d/1/2/3/file"].map(c.path)
                c.expect("the entries to depth \(depth)", entries.map(\.path).sorted(), is: Array(all.prefix(depth)))
            }
        },
        ConformanceCase(.listing, "links to directories are not entered") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p d other; echo x > other/file; ln -s ../other d/link; ln -s . d/self")
            let entries = try await sandbox.files.list(c.path("d"), depth: 5)
            c.expect("the entries", Set(entries.map(\.path)), is: [c.path("d/link"), c.path("d/self")])
        },
        ConformanceCase(.listing, "an empty directory has no entries") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir empty")
            c.expect("how many", try await sandbox.files.list(c.path("empty"), depth: 3).count, is: 0)
        },
        ConformanceCase(.listing, "a large directory is listed whole") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir d; cd d; i=0; while [ $i -lt 3000 ]; do : > file-with-a-longer-name-$i; i=$((i+1)); done")
            let entries = try await sandbox.files.list(c.path("d"), depth: 1)
            c.expect("how many", Set(entries.map(\.path)).count, is: 3000)
        },
        ConformanceCase(.listing, "a name that is no text does not spoil the list") { c in
            let sandbox = try await c.sandbox()
            let made = try await c.shell(sandbox, "mkdir d; : > \"d/$(printf 'bad\\377name')\"; : > d/good")
            try c.require(made.code == 0, "such a file could not be made: \(made)")
            let entries = try await sandbox.files.list(c.path("d"), depth: 1)
            c.expect("how many", entries.count, is: 2)
            c.expect(entries.contains { $0.name == "good" }, "the good name is missing: \(entries.map(\.name))")
            c.expect(entries.contains { $0.name.contains("\u{FFFD}") }, "the bad byte is not shown as U+FFFD: \(entries.map(\.name))")
        },
        ConformanceCase(.listing, "pipes and other things are told as that") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir d; mkfifo d/pipe")
            c.expect("what a pipe is", try await sandbox.files.list(c.path("d"), depth: 1).map(\.kind), is: [.other])
        },
    ]
}
