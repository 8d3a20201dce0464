#if os(Linux)
import Glibc

/// Calls of the C library that Swift's Glibc module does not show.
enum LibraryCall {
    typealias SyncFileSystem = @convention(c) (Int32) -> Int32
    typealias CopyFileRange =
        @convention(c) (
            Int32, UnsafeMutablePointer<off_t>, Int32, UnsafeMutablePointer<off_t>, Int, UInt32
        ) -> Int
    typealias OpenTree = @convention(c) (Int32, UnsafePointer<CChar>, UInt32) -> Int32
    typealias MoveMount = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
    typealias SetMountAttributes = @convention(c) (Int32, UnsafePointer<CChar>, UInt32, UnsafeMutableRawPointer, Int) -> Int32

    static let syncFileSystem = find("syncfs", as: SyncFileSystem.self)
    static let copyFileRange = find("copy_file_range", as: CopyFileRange.self)
    /// The last three are there since glibc 2.36.
    static let openTree = find("open_tree", as: OpenTree.self)
    static let moveMount = find("move_mount", as: MoveMount.self)
    static let setMountAttributes = find("mount_setattr", as: SetMountAttributes.self)

    /// - Parameter type: of the C function, as its manual page has it.
    private static func find<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: type) }
    }
}
#endif
