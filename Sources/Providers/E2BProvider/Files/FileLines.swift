/// The lines of shell by which files are handled where the protocol has no call, or one that says less than is needed.
///
/// They run in the sandbox as the user whose files they are, in the C locale. Paths are arguments, never a part of a line, and absolute. They
/// need what the vendor's templates are made of: Debian's coreutils, findutils and tar.
enum FileLines {
    /// `%y` and so on of find, each ended by a NUL.
    private static let format = #"%y\0%m\0%s\0%T@\0%u\0%g\0%p\0%l\0"#
    /// Fails with the system's own words if there is nothing at `$1`.
    private static let exists = #"[ -e "$1" ] || [ -L "$1" ] || { stat "$1" >/dev/null; exit 1; }"#

    /// `$1` path, `$2` `-H` to follow a link or `-P`, `$3` `r` if it has to be readable.
    static let info = """
        if [ "$2" = -H ]; then stat -L "$1" >/dev/null || exit 1; fi
        if [ "$3" = r ] && [ -f "$1" ] && [ ! -r "$1" ]; then echo "Permission denied" >&2; exit 1; fi
        exec find "$2" "$1" -maxdepth 0 -printf '\(format)'
        """

    /// `$1` path, `$2` depth. What can't be looked into, or goes away meanwhile, is left out.
    static let list = """
        [ -d "$1" ] || { stat -L "$1" >/dev/null && echo "Not a directory" >&2; exit 1; }
        [ -r "$1" ] || { echo "Permission denied" >&2; exit 1; }
        find -H "$1" -mindepth 1 -maxdepth "$2" -printf '\(format)' 2>/dev/null; exit 0
        """

    /// `$1` path, `$2` mode. Prints whether it was made.
    static let makeDirectory = #"""
        if [ -d "$1" ]; then printf no; exit 0; fi
        p=${1%/*}
        if [ -n "$p" ] && [ ! -d "$p" ]; then
            if [ -e "$p" ]; then echo "Not a directory" >&2; exit 1; fi
            mkdir -p "$p" || exit 1
        fi
        mkdir -m "$2" "$1" && { printf yes; exit 0; }
        [ -d "$1" ] && printf no
        """#

    /// `$1` source, `$2` destination, `$3` `keep` if nothing may be replaced.
    static let move =
        exists + #"""

            if [ "$3" = keep ]; then
                if [ -e "$2" ] || [ -L "$2" ]; then echo "File exists" >&2; exit 1; fi
                mv -nT "$1" "$2" || exit 1
                if [ -e "$1" ] || [ -L "$1" ]; then echo "File exists" >&2; exit 1; fi
            else
                mv -fT "$1" "$2"
            fi
            """#

    /// `$1` path, `$2` `all` to remove a directory with what is in it.
    static let remove =
        exists + #"""

            if [ -d "$1" ] && [ ! -L "$1" ]; then
                if [ "$2" = all ]; then rm -rf "$1"; else rmdir "$1"; fi
            else
                rm -f "$1"
            fi
            """#

    /// `$1` path, `$2` owner and group for chown, `$3` mode, `$4` seconds since 1970; empty for what stays.
    static let setAttributes = #"""
        stat -L "$1" >/dev/null || exit 1
        if [ -n "$2" ]; then chown "$2" "$1" || exit 1; fi
        if [ -n "$3" ]; then chmod "$3" "$1" || exit 1; fi
        if [ -n "$4" ]; then touch -c -m -d "@$4" "$1" || exit 1; fi
        """#

    /// Puts a file that has come whole in its place. `$1` where it is, `$2` its place, `$3` its mode.
    static let place = #"""
        if [ -d "$2" ] && [ ! -L "$2" ]; then rm -f "$1"; echo "Is a directory" >&2; exit 1; fi
        chmod "$3" "$1" && mv -fT "$1" "$2" || { rm -f "$1"; exit 1; }
        """#

    /// Why a file can't be written at `$1`; succeeds if no reason is found.
    static let whyNot = #"""
        [ ! -d "$1" ] || { echo "Is a directory" >&2; exit 1; }
        d=${1%/*}
        while [ -n "$d" ] && [ ! -e "$d" ]; do d=${d%/*}; done
        d=${d:-/}
        [ -d "$d" ] || { echo "Not a directory" >&2; exit 1; }
        [ -w "$d" ] || { echo "Permission denied" >&2; exit 1; }
        """#

    /// Writes an archive of `$1`.
    static let archive =
        exists + #"""

            if [ -d "$1" ]; then cd "$1" && exec tar --format=pax -cf - .; fi
            cd "${1%/*}/" && exec tar --format=pax -cf - "./${1##*/}"
            """#

    /// Unpacks the archive `$2`, which goes, into `$1`. tar leaves out what is absolute or has `..` in it, or makes it fail, and makes links
    /// that lead outside only after everything else.
    static let extract = #"""
        exec 3<"$2" || exit 1
        rm -f "$2"
        cd "$1" || exit 1
        exec tar -xpf - --no-same-owner <&3
        """#
}
