import GRDB

extension StoreError {
    /// What a failure inside the database means to the operator.
    ///
    /// Only SQLite's own words are taken over: they name tables and columns, never the values of a statement.
    ///
    /// - Parameter path: the database's file, if the failure came while it was opened.
    init(database error: any Error, at path: String? = nil) {
        let place = path.map { " (\($0))" } ?? ""
        switch error {
        case let error as StoreError:
            self = error
        case let error as DatabaseError:
            let (kind, remedy) = StoreError.meaning(of: error.resultCode)
            let words = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
            self.init(kind, remedy.map { "\(words)\(place): \($0)" } ?? words + place)
        default:
            // GRDB's other errors describe rows with their values.
            self.init(.corrupt, "a row does not have the expected form\(place)")
        }
    }

    private static func meaning(of code: ResultCode) -> (Kind, remedy: String?) {
        switch code.primaryResultCode {
        case .SQLITE_FULL: (.unavailable, "free space on the disk of the data directory")
        case .SQLITE_READONLY: (.unavailable, "make the data directory and its files writable for this user")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            (.unavailable, "let this user read and write the data directory and its files")
        case .SQLITE_IOERR: (.unavailable, "look for disk errors in the system's log; a network file system won't do")
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
            (.unavailable, "another program keeps the database locked: end it")
        case .SQLITE_NOMEM: (.unavailable, "give the process more memory")
        case .SQLITE_INTERRUPT, .SQLITE_ABORT, .SQLITE_MISUSE: (.unavailable, nil)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
            (.corrupt, "restore the data directory from a backup, or start with an empty one")
        default: (.corrupt, nil)
        }
    }
}
