// The payloads, one line a field, in wire order. What is written here and read below is specified in docs/agent-protocol.md.

extension AgentMessage {
    func encodePayload(into writer: inout AgentPayloadWriter) {
        switch self {
        case .hello(let hello):
            writer.append(hello.protocolVersion)
            writer.append(string: hello.agentVersion)
            writer.append(UInt32(bitPattern: hello.pid))
            writer.append(hello.uid)
        case .ping(let token), .pong(let token):
            writer.append(token)
        case .shutdown, .closeStdin, .stdinClosed, .end, .done, .cancel, .present, .ready:
            break
        case .credit(let bytes):
            writer.append(bytes)
        case .failed(let failure):
            writer.append(UInt32(bitPattern: failure.errno))
            writer.append(failure.stage.rawValue)
            writer.append(string: failure.message)
        case .start(let start):
            encode(start, into: &writer)
        case .started(let pid):
            writer.append(UInt32(bitPattern: pid))
        case .stdin(let bytes), .stdout(let bytes), .stderr(let bytes), .data(let bytes), .unknown(_, let bytes):
            writer.append(raw: bytes)
        case .signal(let number, let target):
            writer.append(number)
            writer.append(target.rawValue)
        case .resize(let size):
            writer.append(size.columns)
            writer.append(size.rows)
        case .exited(let exit):
            switch exit.status {
            case .code(let code):
                writer.append(UInt8(0))
                writer.append(UInt32(bitPattern: code))
            case .signal(let number):
                writer.append(UInt8(1))
                writer.append(UInt32(bitPattern: number))
            }
            writer.append(exit.userMicroseconds)
            writer.append(exit.systemMicroseconds)
            writer.append(exit.maximumResidentKiB)
        case .putFile(let put):
            writer.append(put.flags.rawValue)
            writer.append(put.mode)
            writer.append(bytes: put.path)
        case .getFile(let get), .readFile(let get):
            writer.append(get.offset)
            writer.append(get.length ?? .max)
            writer.append(bytes: get.path)
        case .fileInfo(let info):
            writer.append(info.size)
            writer.append(info.mode)
            writer.append(UInt64(bitPattern: info.modifiedSeconds))
            writer.append(info.modifiedNanoseconds)
        case .entry(let entry):
            entry.encode(into: &writer)
        case .statFile(let request), .removeFile(let request), .watchFiles(let request), .archiveFiles(let request),
            .extractFiles(let request):
            writer.append(request.flags.rawValue)
            writer.append(bytes: request.path)
        case .listFiles(let list):
            writer.append(list.depth)
            writer.append(bytes: list.path)
        case .makeDirectory(let make):
            writer.append(make.mode)
            writer.append(bytes: make.path)
        case .moveFile(let move):
            writer.append(UInt8(move.replaces ? 1 : 0))
            writer.append(bytes: move.source)
            writer.append(bytes: move.destination)
        case .setAttributes(let attributes):
            encode(attributes, into: &writer)
        case .connect(let port):
            writer.append(port)
        case .actAs(let user):
            writer.append(bytes: user)
        }
    }

    private func encode(_ attributes: AgentSetAttributes, into writer: inout AgentPayloadWriter) {
        writer.append(UInt8(attributes.mode == nil ? 0 : 1))
        if let mode = attributes.mode { writer.append(mode) }
        writer.append(UInt8(attributes.owner == nil ? 0 : 1))
        if let owner = attributes.owner { writer.append(bytes: owner) }
        writer.append(UInt8(attributes.group == nil ? 0 : 1))
        if let group = attributes.group { writer.append(bytes: group) }
        writer.append(UInt8(attributes.modified == nil ? 0 : 1))
        if let modified = attributes.modified {
            writer.append(UInt64(bitPattern: modified.seconds))
            writer.append(modified.nanoseconds)
        }
        writer.append(bytes: attributes.path)
    }

    private func encode(_ start: AgentStart, into writer: inout AgentPayloadWriter) {
        // The flag says that the field is there, whatever the caller thought of it.
        let flags = start.user == nil ? start.flags.subtracting(.hasUser) : start.flags.union(.hasUser)
        writer.append(flags.rawValue)
        writer.append(UInt8(start.terminal == nil ? 0 : 1))
        if let size = start.terminal {
            writer.append(size.columns)
            writer.append(size.rows)
        }
        writer.append(UInt8(start.umask == nil ? 0 : 1))
        if let umask = start.umask {
            writer.append(umask)
        }
        writer.append(bytes: start.directory)
        writer.append(list: start.arguments)
        writer.append(list: start.environment)
        if let user = start.user {
            writer.append(bytes: user)
        }
    }

    /// Reads the payload of a frame.
    ///
    /// The payload is read during the call only; what the message keeps is a copy.
    ///
    /// - Throws: ``AgentProtocolError/malformed(kind:reason:)``. A kind that is not known is no error but ``unknown(kind:payload:)``.
    package init(kindNumber: UInt8, payload: UnsafeRawBufferPointer) throws(AgentProtocolError) {
        guard let kind = AgentFrameKind(rawValue: kindNumber) else {
            self = .unknown(kind: kindNumber, payload: Array(payload))
            return
        }
        var reader = AgentPayloadReader(payload, kind: kindNumber)
        self = try Self.decode(kind, from: &reader)
        try reader.finish()
    }

    private static func decode(_ kind: AgentFrameKind, from reader: inout AgentPayloadReader) throws(AgentProtocolError) -> AgentMessage {
        switch kind {
        case .hello:
            let version = try reader.readUInt16()
            let agentVersion = try reader.readString()
            let pid = Int32(bitPattern: try reader.readUInt32())
            return .hello(AgentHello(protocolVersion: version, agentVersion: agentVersion, pid: pid, uid: try reader.readUInt32()))
        case .ping: return .ping(token: try reader.readUInt64())
        case .pong: return .pong(token: try reader.readUInt64())
        case .shutdown: return .shutdown
        case .credit: return .credit(bytes: try reader.readUInt32())
        case .failed:
            let errno = Int32(bitPattern: try reader.readUInt32())
            let stage = AgentFailure.Stage(rawValue: try reader.readUInt8())
            return .failed(AgentFailure(errno: errno, stage: stage, message: try reader.readString()))
        case .start: return .start(try decodeStart(from: &reader))
        case .started: return .started(pid: Int32(bitPattern: try reader.readUInt32()))
        case .stdin: return .stdin(reader.readRemaining())
        case .closeStdin: return .closeStdin
        case .stdout: return .stdout(reader.readRemaining())
        case .stderr: return .stderr(reader.readRemaining())
        case .signal:
            let number = try reader.readUInt8()
            guard let target = AgentSignalTarget(rawValue: try reader.readUInt8()) else { throw reader.malformed("unknown signal target") }
            return .signal(number: number, target: target)
        case .resize:
            let columns = try reader.readUInt16()
            return .resize(AgentTerminalSize(columns: columns, rows: try reader.readUInt16()))
        case .exited: return .exited(try decodeExit(from: &reader))
        case .stdinClosed: return .stdinClosed
        case .putFile:
            let flags = AgentPutFile.Flags(rawValue: try reader.readUInt8())
            let mode = try reader.readUInt32()
            return .putFile(AgentPutFile(path: try reader.readBytes(), mode: mode, flags: flags))
        case .getFile: return .getFile(try decodeGet(from: &reader))
        case .readFile: return .readFile(try decodeGet(from: &reader))
        case .fileInfo:
            let size = try reader.readUInt64()
            let mode = try reader.readUInt32()
            let seconds = Int64(bitPattern: try reader.readUInt64())
            let nanoseconds = try reader.readUInt32()
            return .fileInfo(AgentFileInfo(size: size, mode: mode, modifiedSeconds: seconds, modifiedNanoseconds: nanoseconds))
        case .data: return .data(reader.readRemaining())
        case .end: return .end
        case .done: return .done
        case .cancel: return .cancel
        case .entry: return .entry(try AgentFileEntry(from: &reader))
        case .statFile: return .statFile(try decodePathRequest(from: &reader))
        case .listFiles:
            let depth = try reader.readUInt32()
            return .listFiles(AgentListFiles(path: try reader.readBytes(), depth: depth))
        case .makeDirectory:
            let mode = try reader.readUInt32()
            return .makeDirectory(AgentMakeDirectory(path: try reader.readBytes(), mode: mode))
        case .present: return .present
        case .moveFile:
            let replaces = try reader.readPresence()
            let source = try reader.readBytes()
            return .moveFile(AgentMoveFile(source: source, destination: try reader.readBytes(), replaces: replaces))
        case .removeFile: return .removeFile(try decodePathRequest(from: &reader))
        case .setAttributes: return .setAttributes(try decodeAttributes(from: &reader))
        case .watchFiles: return .watchFiles(try decodePathRequest(from: &reader))
        case .ready: return .ready
        case .archiveFiles: return .archiveFiles(try decodePathRequest(from: &reader))
        case .extractFiles: return .extractFiles(try decodePathRequest(from: &reader))
        case .connect: return .connect(port: try reader.readUInt16())
        case .actAs: return .actAs(user: try reader.readBytes())
        }
    }

    private static func decodeGet(from reader: inout AgentPayloadReader) throws(AgentProtocolError) -> AgentGetFile {
        let offset = try reader.readUInt64()
        let length = try reader.readUInt64()
        return AgentGetFile(path: try reader.readBytes(), offset: offset, length: length == .max ? nil : length)
    }

    private static func decodeStart(from reader: inout AgentPayloadReader) throws(AgentProtocolError) -> AgentStart {
        let flags = AgentStart.Flags(rawValue: try reader.readUInt8())
        var terminal: AgentTerminalSize?
        if try reader.readPresence() {
            let columns = try reader.readUInt16()
            terminal = AgentTerminalSize(columns: columns, rows: try reader.readUInt16())
        }
        var umask: UInt16?
        if try reader.readPresence() {
            umask = try reader.readUInt16()
        }
        let directory = try reader.readBytes()
        let arguments = try reader.readList()
        let environment = try reader.readList()
        let user = flags.contains(.hasUser) ? try reader.readBytes() : nil
        return AgentStart(
            arguments: arguments,
            environment: environment,
            directory: directory,
            terminal: terminal,
            umask: umask,
            user: user,
            flags: flags.subtracting(.hasUser)
        )
    }

    private static func decodePathRequest(from reader: inout AgentPayloadReader) throws(AgentProtocolError) -> AgentPathRequest {
        let flags = AgentPathRequest.Flags(rawValue: try reader.readUInt8())
        return AgentPathRequest(try reader.readBytes(), flags: flags)
    }

    private static func decodeAttributes(from reader: inout AgentPayloadReader) throws(AgentProtocolError) -> AgentSetAttributes {
        let mode = try reader.readPresence() ? try reader.readUInt32() : nil
        let owner = try reader.readPresence() ? try reader.readBytes() : nil
        let group = try reader.readPresence() ? try reader.readBytes() : nil
        var modified: AgentSetAttributes.Modified?
        if try reader.readPresence() {
            let seconds = Int64(bitPattern: try reader.readUInt64())
            modified = AgentSetAttributes.Modified(seconds: seconds, nanoseconds: try reader.readUInt32())
        }
        return AgentSetAttributes(path: try reader.readBytes(), mode: mode, owner: owner, group: group, modified: modified)
    }

    private static func decodeExit(from reader: inout AgentPayloadReader) throws(AgentProtocolError) -> AgentExit {
        let how = try reader.readUInt8()
        let number = Int32(bitPattern: try reader.readUInt32())
        let status: AgentExit.Status
        switch how {
        case 0: status = .code(number)
        case 1: status = .signal(number)
        default: throw reader.malformed("unknown way to exit")
        }
        let user = try reader.readUInt64()
        let system = try reader.readUInt64()
        let resident = try reader.readUInt64()
        return AgentExit(status: status, userMicroseconds: user, systemMicroseconds: system, maximumResidentKiB: resident)
    }
}
