#if os(Linux)
import Glibc

extension ControlGroup {
    /// The file that freezes, and what is written to it; nil if nothing here can freeze.
    private var freezer: (file: String, frozen: String, thawed: String)? {
        guard let directory = directories[.freezer] else { return nil }
        return isUnified ? ("\(directory)/cgroup.freeze", "1", "0") : ("\(directory)/freezer.state", "FROZEN", "THAWED")
    }

    /// Tells the kernel to freeze or thaw every process. Freezing takes effect later: see ``isFrozen``.
    func setFrozen(_ isFrozen: Bool) throws(SystemError) {
        guard let freezer else { throw SystemError(ENOTSUP, in: "freezer") }
        try HostFile.write(isFrozen ? freezer.frozen : freezer.thawed, to: freezer.file)
    }

    /// Every process is frozen. With cgroup v1 the question is also what makes the kernel look whether the last one is.
    var isFrozen: Bool {
        guard let directory = directories[.freezer] else { return false }
        guard isUnified else { return HostFile.text("\(directory)/freezer.state")?.hasPrefix("FROZEN") == true }
        return HostFile.text("\(directory)/cgroup.events")?.split(separator: "\n").contains("frozen 1") == true
    }

    /// Thaws what is frozen, or on its way to be: cgroup v1 lets nothing frozen die.
    func thawToDie() {
        guard let directory = directories[.freezer], !isUnified else { return }
        guard HostFile.text("\(directory)/freezer.state")?.hasPrefix("THAWED") == false else { return }
        try? setFrozen(false)
    }
}
#endif
