import CLinux
import Glibc

/// Puts the members of an archive in their places below one directory.
///
/// Each place is reached from that directory one component at a time, and no component may be a symbolic link: neither one that was there nor
/// one that the archive itself has brought.
final class Extractor {
    private struct File {
        let temporary: TemporaryFile
        let member: TarMember
        let name: [UInt8]
    }

    private struct DirectoryAttributes {
        let components: [[UInt8]]
        let mode: mode_t
        let modifiedSeconds: Int64
        let modifiedNanoseconds: UInt32
    }

    /// Beyond so many, a directory gets its attributes at once, and what is put into it later changes its time.
    private static let directoryLimit = 100_000
    private static let mostComponents = 512

    private let path: FilePath
    private let root: Descriptor
    private var file: File?
    /// Set last: a directory may be one that can't be written to.
    private var directories: [DirectoryAttributes] = []
    /// Members of one directory follow each other.
    private var last: (components: [[UInt8]], directory: Descriptor)?

    init(into path: FilePath) throws(AgentFailure) {
        self.path = path
        do throws(SystemError) {
            if !FilePath.isDirectory(path.bytes) { try FilePath.createDirectories(path.bytes) }
            root = try Descriptor.open(path.bytes, SANDSTORM_O_PATH | O_DIRECTORY)
        } catch {
            throw path.failure(error)
        }
    }

    func handle(_ event: TarReader.Event) throws(AgentFailure) {
        switch event {
        case .member(let member):
            try place(member)
        case .content(let bytes):
            guard let file else { return }
            do throws(SystemError) { try file.temporary.write(bytes) } catch { throw failure(error, file.member) }
        case .endOfFile:
            guard let file else { return }
            self.file = nil
            do throws(SystemError) {
                file.temporary.setModified(seconds: file.member.modifiedSeconds, nanoseconds: file.member.modifiedNanoseconds)
                try file.temporary.move(to: file.name, mode: mode_t(file.member.mode))
            } catch {
                throw failure(error, file.member)
            }
        }
    }

    /// Sets the attributes of one directory.
    ///
    /// - Returns: whether there was one.
    func finishDirectory() -> Bool {
        guard let attributes = directories.popLast() else { return false }
        set(attributes)
        return true
    }

    func abandon() {
        file?.temporary.remove()
        file = nil
    }

    // MARK: Members

    private func place(_ member: TarMember) throws(AgentFailure) {
        var components = try Self.components(member.path, of: member)
        guard let name = components.popLast() else {
            // The directory itself: `./`.
            guard member.kind == .directory else { throw .badArchive("member \(member.path.forPeople) has no name of its own") }
            return
        }
        let parent = try directory(components, for: member)
        do throws(SystemError) {
            switch member.kind {
            case .file:
                file = File(temporary: try TemporaryFile(in: parent), member: member, name: name)
            case .directory:
                try makeDirectory(name, in: parent)
                try note(components + [name], member)
            case .symbolicLink:
                try put(name, in: parent) { (place, directory) in
                    member.target.withCString { symlinkat($0, directory, place) == 0 ? 0 : errno }
                }
                let time = timespec(tv_sec: Int(member.modifiedSeconds), tv_nsec: Int(member.modifiedNanoseconds))
                _ = name.withCString { utimensat(parent.number, $0, [time, time], AT_SYMLINK_NOFOLLOW) }
            case .hardLink:
                break
            }
        } catch {
            throw failure(error, member)
        }
        if member.kind == .hardLink { try link(member, name, in: parent) }
    }

    private func link(_ member: TarMember, _ name: [UInt8], in parent: Descriptor) throws(AgentFailure) {
        var components = try Self.components(member.target, of: member)
        guard let source = components.popLast() else { throw .badArchive("member \(member.path.forPeople) is a hard link to a directory") }
        let from = try directory(components, for: member, creating: false)
        do throws(SystemError) {
            guard let info = try? stat(of: source, in: from.number) else {
                throw SystemError(ENOENT, in: "")
            }
            if let there = try? stat(of: name, in: parent.number), there.isSame(as: info) { return }
            try put(name, in: parent) { (place, directory) in
                source.withCString { linkat(from.number, $0, directory, place, 0) == 0 ? 0 : errno }
            }
        } catch {
            guard error.code == ENOENT else { throw failure(error, member) }
            throw .badArchive("member \(member.path.forPeople) is a hard link to \(member.target.forPeople), which is not there")
        }
    }

    /// Makes something that has to have a free name, in place of what is there.
    private func put(
        _ name: [UInt8], in directory: Descriptor, _ make: (UnsafePointer<CChar>, Int32) -> Int32
    ) throws(SystemError) {
        let code = name.withCString { place in
            let code = make(place, directory.number)
            guard code == EEXIST, unlinkat(directory.number, place, 0) == 0 else { return code == EEXIST ? errno : code }
            return make(place, directory.number)
        }
        guard code == 0 else { throw SystemError(code, in: name.forPeople) }
    }

    private func makeDirectory(_ name: [UInt8], in parent: Descriptor) throws(SystemError) {
        let code = name.withCString { mkdirat(parent.number, $0, 0o755) == 0 ? 0 : errno }
        if code == EEXIST {
            guard try stat(of: name, in: parent.number).isDirectory else { throw SystemError(ENOTDIR, in: name.forPeople) }
        } else if code != 0 {
            throw SystemError(code, in: name.forPeople)
        }
    }

    private func note(_ components: [[UInt8]], _ member: TarMember) throws(SystemError) {
        let attributes = DirectoryAttributes(
            components: components,
            mode: mode_t(member.mode),
            modifiedSeconds: member.modifiedSeconds,
            modifiedNanoseconds: member.modifiedNanoseconds
        )
        if directories.count < Self.directoryLimit { directories.append(attributes) } else { set(attributes) }
    }

    private func set(_ attributes: DirectoryAttributes) {
        var current = root
        for (index, component) in attributes.components.enumerated() {
            let isLast = index == attributes.components.count - 1
            let flags = O_DIRECTORY | O_NOFOLLOW | (isLast ? O_RDONLY | O_NONBLOCK : SANDSTORM_O_PATH)
            // Somebody has been here since; their attributes are as good.
            guard let next = try? Descriptor.open(component, at: current.number, flags) else { return }
            current = next
        }
        let time = timespec(tv_sec: Int(attributes.modifiedSeconds), tv_nsec: Int(attributes.modifiedNanoseconds))
        _ = futimens(current.number, [time, time])
        _ = fchmod(current.number, attributes.mode)
    }

    // MARK: Places

    /// A name's components. Those that mean nothing are left out; those that lead elsewhere are refused.
    private static func components(_ path: [UInt8], of member: TarMember) throws(AgentFailure) -> [[UInt8]] {
        let slash = UInt8(ascii: "/")
        guard path.first != slash else { throw .badArchive("member \(member.path.forPeople) has or links to an absolute name") }
        let components = path.split(separator: slash).map { Array($0) }.filter { $0 != [UInt8(ascii: ".")] }
        guard !components.contains(Array("..".utf8)) else {
            throw .badArchive("member \(member.path.forPeople) has or links to a name with ..")
        }
        guard components.count <= mostComponents else { throw .badArchive("member \(member.path.forPeople) is nested too deep") }
        return components
    }

    /// Opens a directory below the root, making it if need be.
    private func directory(_ components: [[UInt8]], for member: TarMember, creating: Bool = true) throws(AgentFailure) -> Descriptor {
        if let last, last.components == components { return last.directory }
        var current = root
        for component in components {
            do throws(SystemError) {
                current = try open(component, in: current, creating: creating)
            } catch {
                if (try? stat(of: component, in: current.number))?.isLink == true {
                    throw .badArchive("member \(member.path.forPeople) leads through the link \(component.forPeople)")
                }
                if !creating, error.code == ENOENT {
                    throw .badArchive("member \(member.path.forPeople) is a hard link to \(member.target.forPeople), which is not there")
                }
                throw failure(error, member)
            }
        }
        last = (components, current)
        return current
    }

    private func open(_ component: [UInt8], in directory: Descriptor, creating: Bool) throws(SystemError) -> Descriptor {
        let flags = SANDSTORM_O_PATH | O_DIRECTORY | O_NOFOLLOW
        do throws(SystemError) {
            return try Descriptor.open(component, at: directory.number, flags)
        } catch {
            guard creating, error.code == ENOENT else { throw error }
            _ = component.withCString { mkdirat(directory.number, $0, 0o755) }
            return try Descriptor.open(component, at: directory.number, flags)
        }
    }

    private func failure(_ error: SystemError, _ member: TarMember) -> AgentFailure {
        AgentFailure(SystemError(error.code, in: (path.bytes + [UInt8(ascii: "/")] + member.path).forPeople), stage: .file)
    }
}
