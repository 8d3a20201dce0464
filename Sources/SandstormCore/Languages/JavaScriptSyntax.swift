/// What running JavaScript or TypeScript takes to know of a source: whether it is a module.
///
/// A module has a static `import` or `export`, an `import.meta`, or an `await` outside of every function. To tell these from
/// look-alikes in strings, comments, regular expressions and functions, the source is read token by token. A source that is wrong in
/// itself may be taken for either; its error is then Node's to report.
struct JavaScriptSyntax: Equatable {
    /// The source can only be a module.
    private(set) var isModule = false
    /// Names that only a script is given and that this source uses.
    private(set) var scriptNames: Set<String> = []

    init(_ source: String) {
        var scanner = Scanner(source)
        scanner.run()
        isModule = scanner.isModule
        scriptNames = scanner.scriptNames
    }
}

/// A bracket that is open.
private struct Frame {
    enum Kind {
        case parenthesis, bracket, block, object, function, classBody, templateValue
    }

    var kind: Kind
    /// Inside of a function, where `await` says nothing about the file.
    var isInFunction: Bool
    /// The body of an arrow function without braces is being read.
    var isInArrowBody = false
    /// What a later `{` at this level begins.
    var pending: Pending = .nothing
    /// With a parenthesis: it belongs to `if`, `for`, `while`, …, so that a statement follows.
    var isControl = false

    enum Pending {
        case nothing, functionParameters, functionBody, classBody
    }
}

private enum Token: Equatable {
    case start
    case word(String)
    /// A number, string, template or regular expression.
    case literal
    /// `=>` is `>` with this flag.
    case punctuation(UInt8, isArrow: Bool = false)
}

private struct Scanner {
    private let bytes: [UInt8]
    private var position = 0
    private var frames: [Frame] = [Frame(kind: .block, isInFunction: false)]
    private var last = Token.start
    private var beforeLast = Token.start
    /// The bracket that `last` closed.
    private var closed: Frame?
    private var sawNewline = false
    private(set) var isModule = false
    private(set) var scriptNames: Set<String> = []

    init(_ source: String) { bytes = Array(source.utf8) }

    mutating func run() {
        if peek(0) == ascii("#"), peek(1) == ascii("!") { skipLine() }
        while let byte = peek(0) {
            switch byte {
            case ascii("\n"), ascii("\r"):
                sawNewline = true
                position += 1
            case 0...0x20: position += 1
            case ascii("/") where peek(1) == ascii("/"): skipLine()
            case ascii("/") where peek(1) == ascii("*"): skipComment()
            case ascii("\""), ascii("'"): skipString(byte)
            case ascii("`"):
                position += 1
                readTemplate()
            case ascii("/") where isRegularExpressionPossible: readSlash()
            case ascii("0")...ascii("9"): readNumber()
            case _ where isWordByte(byte): readWord()
            default: readPunctuation(byte)
            }
        }
    }

    // MARK: Words

    private static let scriptOnly: Set<String> = ["require", "module", "exports", "__filename", "__dirname"]
    private static let controls: Set<String> = ["if", "for", "while", "switch", "catch", "with"]
    private static let binaryWords: Set<String> = ["in", "of", "instanceof", "as", "satisfies"]
    /// Words after which an expression begins.
    private static let prefixWords: Set<String> = [
        "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do", "await", "yield", "instanceof",
        "extends", "default", "export", "import",
    ]

    private mutating func readWord() {
        let start = position
        while let byte = peek(0), isWordByte(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        // `() => void` is a type, complete where its line is.
        let isVoidType = last == .word("void") && beforeLast == .punctuation(ascii(">"), isArrow: true)
        if sawNewline, endsExpression(last) || isVoidType, !Self.binaryWords.contains(word) { top.isInArrowBody = false }
        if last != .punctuation(ascii(".")) { judge(word) }
        advance(.word(word))
    }

    private mutating func judge(_ word: String) {
        let next = nextSignificantByte
        let isKey = next == ascii(":") || next == ascii("=") || next == ascii(",") || next == ascii(")") || next == ascii("}")
        switch word {
        case "import":
            if next == ascii(".") {
                isModule = isModule || followingWord(afterDot: true) == "meta"
            } else if frames.count == 1, next != ascii("("), !isKey, !isImportEquals {
                isModule = true
            }
        case "export":
            if frames.count == 1, next != ascii("("), next != ascii("."), !isKey { isModule = true }
        case "await":
            let isOperand = !isKey && next != ascii(";") && next != ascii(".") && next != ascii("]") && next != nil
            if isOperand, !top.isInFunction, !top.isInArrowBody { isModule = true }
        case "function": if next != ascii(":") { top.pending = .functionParameters }
        case "class": if next != ascii(":") { top.pending = .classBody }
        case _ where Self.scriptOnly.contains(word): if next != ascii(":") { scriptNames.insert(word) }
        default: break
        }
    }

    /// TypeScript's `import name = require("…")`, which a script may have.
    private var isImportEquals: Bool {
        var index = position
        func skipBlanks() { while index < bytes.count, bytes[index] <= 0x20 { index += 1 } }
        skipBlanks()
        while index < bytes.count, isWordByte(bytes[index]) { index += 1 }
        skipBlanks()
        return index < bytes.count && bytes[index] == ascii("=")
    }

    // MARK: Brackets

    private mutating func readPunctuation(_ byte: UInt8) {
        position += 1
        switch byte {
        case ascii("("):
            var frame = nested(.parenthesis)
            if case .word(let word) = last {
                let isForAwait = word == "await" && beforeLast == .word("for")
                frame.isControl = (Self.controls.contains(word) && beforeLast != .punctuation(ascii("."))) || isForAwait
            }
            frames.append(frame)
        case ascii("["): frames.append(nested(.bracket))
        case ascii("{"): openBrace()
        case ascii(")"), ascii("]"):
            close(byte)
            return
        case ascii("}"):
            let isTemplate = top.kind == .templateValue
            close(byte)
            if isTemplate { readTemplate() }
            return
        case ascii(","), ascii(";"):
            top.isInArrowBody = false
            if byte == ascii(";") { top.pending = .nothing }
        case ascii("=") where peek(0) == ascii(">"):
            position += 1
            if nextSignificantByte != ascii("{") { top.isInArrowBody = true }
            advance(.punctuation(ascii(">"), isArrow: true))
            return
        default: break
        }
        advance(.punctuation(byte))
    }

    private mutating func openBrace() {
        let kind = kindOfBrace
        if kind == .function || kind == .classBody { top.pending = .nothing }
        frames.append(nested(kind))
    }

    private var kindOfBrace: Frame.Kind {
        if last == .punctuation(ascii(">"), isArrow: true) { return .function }
        // A type written as an object: in a return type, a constraint, a union.
        let isTypeOrValue =
            switch last {
            case .punctuation(let byte, _): [":", "|", "&", "<", ",", "(", "[", "=", "?"].contains { ascii($0) == byte }
            default: false
            }
        if isTypeOrValue { return .object }
        switch top.pending {
        case .functionBody: return .function
        case .classBody: return .classBody
        case .functionParameters, .nothing: break
        }
        if last == .punctuation(ascii(")")), let closed { return closed.isControl ? .block : .function }
        switch last {
        case .word(let word):
            if ["else", "do", "try", "finally", "static", "catch"].contains(word) { return .block }
            if Self.prefixWords.contains(word) { return .object }
            // A method whose return type is written out, or the name of an interface, enumeration or namespace.
            return top.kind == .object ? .function : .block
        case .punctuation(let byte, _) where byte == ascii("}") || byte == ascii(">") || byte == ascii("]"):
            return top.kind == .object ? .function : .block
        case .punctuation(let byte, _) where byte == ascii(";") || byte == ascii("{") || byte == ascii(")"): return .block
        case .start: return .block
        case .literal, .punctuation: return .object
        }
    }

    private func nested(_ kind: Frame.Kind) -> Frame {
        let isFunction = kind == .function || kind == .classBody
        return Frame(kind: kind, isInFunction: isFunction || top.isInFunction || top.isInArrowBody)
    }

    private mutating func close(_ byte: UInt8) {
        // A bracket too many is the source's own mistake.
        let frame = frames.count > 1 ? frames.removeLast() : frames[0]
        if frame.kind == .parenthesis, top.pending == .functionParameters { top.pending = .functionBody }
        if frame.kind == .templateValue {
            closed = nil
        } else {
            advance(.punctuation(byte))
            closed = frame
        }
    }

    private var top: Frame {
        get { frames[frames.count - 1] }
        set { frames[frames.count - 1] = newValue }
    }

    // MARK: Literals

    private var isRegularExpressionPossible: Bool {
        switch last {
        case .start: true
        case .literal: false
        case .word(let word): Self.prefixWords.contains(word) && beforeLast != .punctuation(ascii("."))
        case .punctuation(let byte, _):
            switch byte {
            case ascii(")"): closed?.isControl ?? false
            case ascii("]"): false
            case ascii("}"): closed?.kind != .object
            default: true
            }
        }
    }

    /// A regular expression ends on its line; a slash that finds no end there is a division.
    private mutating func readSlash() {
        var index = position + 1
        var isInClass = false
        while index < bytes.count, bytes[index] != ascii("\n") {
            switch bytes[index] {
            case ascii("\\"): index += 1
            case ascii("["): isInClass = true
            case ascii("]"): isInClass = false
            case ascii("/") where !isInClass:
                position = index + 1
                while let byte = peek(0), isWordByte(byte) { position += 1 }
                return advance(.literal)
            default: break
            }
            index += 1
        }
        position += 1
        advance(.punctuation(ascii("/")))
    }

    private mutating func readNumber() {
        while let byte = peek(0), isWordByte(byte) || (byte == ascii(".") && peek(1) != ascii(".")) { position += 1 }
        advance(.literal)
    }

    private mutating func skipString(_ quote: UInt8) {
        position += 1
        while let byte = peek(0), byte != quote, byte != ascii("\n") { position += byte == ascii("\\") ? 2 : 1 }
        position += 1
        advance(.literal)
    }

    /// Reads on in a template, up to its end or the next `${`.
    private mutating func readTemplate() {
        while let byte = peek(0) {
            if byte == ascii("`") {
                position += 1
                break
            }
            if byte == ascii("$"), peek(1) == ascii("{") {
                position += 2
                advance(.punctuation(ascii("(")))
                frames.append(nested(.templateValue))
                return
            }
            position += byte == ascii("\\") ? 2 : 1
        }
        advance(.literal)
    }

    // MARK: Positions

    private mutating func advance(_ token: Token) {
        beforeLast = last
        last = token
        closed = nil
        sawNewline = false
    }

    private func endsExpression(_ token: Token) -> Bool {
        switch token {
        case .start: false
        case .literal: true
        case .word(let word): !Self.prefixWords.contains(word)
        case .punctuation(let byte, _): byte == ascii(")") || byte == ascii("]") || byte == ascii("}")
        }
    }

    private func peek(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    /// The next byte that is neither blank nor comment.
    private var nextSignificantByte: UInt8? {
        var copy = self
        while let byte = copy.peek(0) {
            if byte == ascii("/"), copy.peek(1) == ascii("/") {
                copy.skipLine()
            } else if byte == ascii("/"), copy.peek(1) == ascii("*") {
                copy.skipComment()
            } else if byte <= 0x20 {
                copy.position += 1
            } else {
                return byte
            }
        }
        return nil
    }

    private func followingWord(afterDot: Bool) -> String {
        var index = position
        while index < bytes.count, bytes[index] <= 0x20 || (afterDot && bytes[index] == ascii(".")) { index += 1 }
        return String(decoding: bytes[index...].prefix(while: isWordByte), as: UTF8.self)
    }

    private mutating func skipLine() {
        while let byte = peek(0), byte != ascii("\n") { position += 1 }
    }

    private mutating func skipComment() {
        position += 2
        while let byte = peek(0), !(byte == ascii("*") && peek(1) == ascii("/")) {
            if byte == ascii("\n") { sawNewline = true }
            position += 1
        }
        position += 2
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case ascii("a")...ascii("z"), ascii("A")...ascii("Z"), ascii("0")...ascii("9"), ascii("_"), ascii("$"), ascii("#"), 0x80...: true
        default: false
        }
    }

    private func ascii(_ scalar: Unicode.Scalar) -> UInt8 { UInt8(ascii: scalar) }
}
