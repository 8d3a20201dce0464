/// What running a Java source takes to know of it: its package and its top-level types.
struct JavaSource: Equatable {
    /// The name that javac demands: that of the public type.
    let fileName: String
    /// The class to start, with its package.
    let mainClass: String

    private struct TopLevelType {
        var name: String
        var isPublic: Bool
        var hasMain = false
    }

    init(_ code: String) {
        var scan = Scan(code)
        scan.run()
        let publicType = scan.types.first(where: \.isPublic)
        let start = scan.types.first { $0.isPublic && $0.hasMain } ?? scan.types.first(where: \.hasMain) ?? publicType ?? scan.types.first
        fileName = (publicType?.name ?? "Main") + ".java"
        // Code without any class is a compact source file (JDK 25), whose class is named after the file. So it is if only its
        // `main` stands outside of the classes.
        let simple = scan.hasMainOutside ? "Main" : start?.name ?? "Main"
        mainClass = (scan.packageName.map { $0 + "." } ?? "") + simple
    }

    /// Reads words and brackets, and nothing inside comments, strings and character literals.
    private struct Scan {
        private var bytes: ArraySlice<UInt8>
        private var depth = 0
        private var previous = ""
        private var sawPublic = false
        /// A declaration's keyword was read at top level, and its name comes next.
        private var expectsName = false
        private var isInType = false
        var packageName: String?
        var hasMainOutside = false
        var types: [TopLevelType] = []

        init(_ code: String) { bytes = Array(code.utf8)[...] }

        mutating func run() {
            while let byte = bytes.first {
                switch byte {
                case UInt8(ascii: "/") where bytes.starts(with: Array("//".utf8)): skip(past: "\n")
                case UInt8(ascii: "/") where bytes.starts(with: Array("/*".utf8)):
                    bytes = bytes.dropFirst(2)
                    skip(past: "*/")
                case UInt8(ascii: "\"") where bytes.starts(with: Array("\"\"\"".utf8)): skipTextBlock()
                case UInt8(ascii: "\""), UInt8(ascii: "'"): skipLiteral(byte)
                case _ where isWordByte(byte): word(takeWord())
                default:
                    punctuation(byte)
                    bytes = bytes.dropFirst()
                }
            }
        }

        private mutating func punctuation(_ byte: UInt8) {
            switch byte {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { isInType = false }
            case UInt8(ascii: ";"): if depth == 0 { sawPublic = false }
            case UInt8(ascii: "("):
                if previous == "main", depth == 1, isInType, !types.isEmpty { types[types.count - 1].hasMain = true }
                if previous == "main", depth == 0, !isInType { hasMainOutside = true }
            // An annotation's name is no declaration: `@interface` is, and ends with the word all the same.
            default: break
            }
            if byte > 0x20 { previous = "" }
        }

        private mutating func word(_ word: String) {
            defer { previous = word }
            guard depth == 0 else { return }
            if expectsName {
                expectsName = false
                types.append(TopLevelType(name: word, isPublic: sawPublic))
                isInType = true
                sawPublic = false
                return
            }
            guard !isInType else { return }
            switch word {
            case "public": sawPublic = true
            case "class", "interface", "enum": expectsName = true
            // A contextual keyword: only a name followed by parameters makes it a record.
            case "record": expectsName = isFollowedByName
            case "package": if types.isEmpty, packageName == nil { packageName = takeQualifiedName() }
            default: break
            }
        }

        private var isFollowedByName: Bool {
            bytes.drop { $0 <= 0x20 }.first.map(isWordByte) ?? false
        }

        private mutating func takeQualifiedName() -> String {
            let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.endIndex
            defer { bytes = bytes[end...] }
            return String(decoding: bytes[..<end].filter { $0 > 0x20 }, as: UTF8.self)
        }

        private mutating func takeWord() -> String {
            let word = bytes.prefix(while: isWordByte)
            bytes = bytes[word.endIndex...]
            return String(decoding: word, as: UTF8.self)
        }

        private func isWordByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
                true
            default: false
            }
        }

        private mutating func skip(past end: String) {
            let end = Array(end.utf8)
            while !bytes.isEmpty, !bytes.starts(with: end) { bytes = bytes.dropFirst() }
            bytes = bytes.dropFirst(end.count)
        }

        private mutating func skipTextBlock() {
            bytes = bytes.dropFirst(3)
            while !bytes.isEmpty, !bytes.starts(with: Array("\"\"\"".utf8)) {
                bytes = bytes.dropFirst(bytes.first == UInt8(ascii: "\\") ? 2 : 1)
            }
            bytes = bytes.dropFirst(3)
        }

        private mutating func skipLiteral(_ quote: UInt8) {
            bytes = bytes.dropFirst()
            while let byte = bytes.first, byte != quote, byte != UInt8(ascii: "\n") {
                bytes = bytes.dropFirst(byte == UInt8(ascii: "\\") ? 2 : 1)
            }
            bytes = bytes.dropFirst()
        }
    }
}
