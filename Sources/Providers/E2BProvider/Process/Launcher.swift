import NIOCore
import SandstormCore

/// The few lines of shell through which a command is started.
///
/// envd starts a program in its own process group, and tells a missing one only by the words of whatever it was to be run with. So a shell
/// looks for the program first, says on standard output what it found (a random word, then one character, before the program can say
/// anything), leads a group of its own, and becomes the program: process id, input, output and exit are the program's.
enum Launcher {
    /// What the shell found.
    enum Verdict: UInt8, Sendable {
        case started = 0x2B  // +
        case missing = 0x3F  // ?
        case notExecutable = 0x21  // !
    }

    /// Names that hardly a caller's variable has: assigning to one that the environment brought would change it for the program.
    private static let script = #"""
        __sandstorm_mark=$1; shift; __sandstorm_file=
        case $1 in
        */*) __sandstorm_file=$1 ;;
        *) set -f; IFS=:
            for __sandstorm_d in $PATH; do
                [ -f "${__sandstorm_d:-.}/$1" ] && [ -x "${__sandstorm_d:-.}/$1" ] && { __sandstorm_file=${__sandstorm_d:-.}/$1; break; }
            done
            unset IFS; set +f ;;
        esac
        [ -e "$__sandstorm_file" ] || { printf '%s?' "$__sandstorm_mark"; exit 127; }
        { [ -f "$__sandstorm_file" ] && [ -x "$__sandstorm_file" ]; } || { printf '%s!' "$__sandstorm_mark"; exit 126; }
        read -r _ _ _ _ __sandstorm_group _ </proc/$$/stat
        printf '%s+' "$__sandstorm_mark"
        if [ "$__sandstorm_group" != $$ ]; then
            for __sandstorm_d in /usr/bin/setsid /bin/setsid; do [ -x $__sandstorm_d ] && exec $__sandstorm_d "$@"; done
        fi
        exec "$@"
        """#

    /// A word that no program can know.
    static func mark() -> String { "\u{1}" + String(UInt64.random(in: .min ... .max), radix: 36) + ":" }

    /// The arguments of `/bin/sh`.
    static func arguments(_ command: Command, mark: String) -> [String] {
        // A shell drops variables whose names it could not use itself; `env` brings them back.
        let odd = command.environment.filter { !isName($0.key) }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return ["-c", script, "sh", mark] + (odd.isEmpty ? [] : ["/usr/bin/env"] + odd) + command.arguments
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
                default: false
                }
            }
    }

    /// Takes the verdict from the beginning of an output.
    struct Reader: Sendable {
        private let mark: [UInt8]
        private var seen = ByteBuffer()

        init(mark: String) { self.mark = Array(mark.utf8) }

        enum Finding: Sendable {
            case more
            /// What the shell found, and the output behind it.
            case verdict(Verdict, ByteBuffer)
            /// The output does not begin as it would have to: it is the program's own.
            case none(ByteBuffer)
        }

        mutating func take(_ bytes: ByteBuffer) -> Finding {
            seen.writeImmutableBuffer(bytes)
            let view = seen.readableBytesView
            guard view.prefix(mark.count).elementsEqual(mark.prefix(view.count)) else { return .none(seen) }
            guard view.count > mark.count else { return .more }
            guard let verdict = Verdict(rawValue: view[view.startIndex + mark.count]) else { return .none(seen) }
            var rest = seen
            rest.moveReaderIndex(forwardBy: mark.count + 1)
            return .verdict(verdict, rest)
        }

        /// What was held back, if the output ended here.
        var rest: ByteBuffer { seen }
    }
}
