#if canImport(Glibc)
package import Glibc

/// Has a child close all descriptors but 0, 1 and 2, as the last of its file actions.
///
/// SwiftNIO's sockets stay open across `exec`. A child that is born while another test has a connection would hold it open for as long as it
/// lives, and that test's peer would wait for an end that does not come.
package func closeInherited(_ actions: inout posix_spawn_file_actions_t) {
    // Swift's Glibc module does not show `posix_spawn_file_actions_addclosefrom_np`, which is there since glibc 2.34.
    typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else { return }
    _ = unsafeBitCast(symbol, to: AddCloseFrom.self)(&actions, 3)
}
#endif
