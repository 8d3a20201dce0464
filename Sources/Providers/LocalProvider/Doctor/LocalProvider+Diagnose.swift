import SandstormCore

extension LocalProvider {
    #if os(Linux)
    /// Says for each guarantee how this machine keeps it; from what was found out when the provider was made.
    package func diagnose() -> [Guarantee] {
        guard case .success(let host) = host, let survey else {
            let reason = (try? host.get()) == nil ? failureMessage : ""
            return [Guarantee(id: "agent", title: "sandbox agent", state: .missing, mechanism: reason, remedy: AgentExecutable.remedy)]
        }
        return [Guarantee(id: "agent", title: "sandbox agent", state: .ok, mechanism: host.agent)]
            + IsolationLevel.allCases.map { isolation($0, survey) }
            + [userNamespaces(survey), seccomp(survey), network, openNetwork(host), users(host), root(host, survey)]
            + limits(host) + [disk(host), pause(host), snapshots(host)] + languages(host)
    }

    private var failureMessage: String {
        if case .failure(let error) = host { error.message } else { "" }
    }

    private func isolation(_ level: IsolationLevel, _ survey: LauncherSurvey) -> Guarantee {
        let (id, title) = ("isolation.\(level.rawValue)", "isolation \(level.rawValue)")
        if let launcher = survey.launchers[level] { return Guarantee(id: id, title: title, state: .ok, mechanism: launcher.name) }
        let remedy =
            switch level {
            case .standard: "apt-get install -y bubblewrap"
            case .strong: "install a current runsc (Debian 12's is too old): https://gvisor.dev/docs/user_guide/install/"
            case .maximum: "install Kata Containers or krun (libkrun's crun) from their projects; Debian 12 has neither"
            }
        return Guarantee(id: id, title: title, state: .missing, mechanism: survey.obstacles[level] ?? "no launcher", remedy: remedy)
    }

    private func userNamespaces(_ survey: LauncherSurvey) -> Guarantee {
        let (id, title) = ("namespaces.user", "user namespaces")
        if let bubblewrap = survey.launchers[.standard] as? BubblewrapLauncher {
            guard bubblewrap.disablesUserNamespaces else {
                return Guarantee(
                    id: id, title: title, state: .degraded, mechanism: "used; nested ones are refused by seccomp only",
                    remedy: "install bubblewrap 0.8 or later")
            }
            return Guarantee(id: id, title: title, state: .ok, mechanism: "one for each sandbox, nested ones refused")
        }
        if HostFile.text("/proc/sys/user/max_user_namespaces").flatMap({ Int($0.filter(\.isNumber)) }) == 0 {
            return Guarantee(
                id: id, title: title, state: .missing, mechanism: "user.max_user_namespaces is 0",
                remedy: "sysctl -w user.max_user_namespaces=65536")
        }
        for (name, value) in [("kernel.unprivileged_userns_clone", "0"), ("kernel.apparmor_restrict_unprivileged_userns", "1")]
        where HostFile.text("/proc/sys/" + name.split(separator: ".").joined(separator: "/"))?.hasPrefix(value) == true {
            return Guarantee(
                id: id, title: title, state: .missing, mechanism: "\(name) is \(value)", remedy: "sysctl -w \(name)=\(value == "0" ? 1 : 0)"
            )
        }
        return Guarantee(
            id: id, title: title, state: .missing, mechanism: "bubblewrap could not be tried", remedy: "apt-get install -y bubblewrap")
    }

    private func seccomp(_ survey: LauncherSurvey) -> Guarantee {
        let (id, title) = ("seccomp", "system call filter")
        if let obstacle = survey.filterObstacle {
            return Guarantee(id: id, title: title, state: .missing, mechanism: obstacle, remedy: "apt-get install -y libseccomp2")
        }
        return Guarantee(id: id, title: title, state: .ok, mechanism: "seccomp, all refused but an allow-list")
    }

    private var network: Guarantee {
        Guarantee(
            id: "network.none", title: "no network by default", state: capabilities.isolation.isEmpty ? .missing : .ok,
            mechanism: "network namespace with nothing but a loopback interface")
    }

    private func openNetwork(_ host: Host) -> Guarantee {
        let (id, title) = ("network.open", "a network apart from the machine's, for specs that ask for one")
        if !configuration.allowsNetwork {
            return Guarantee(id: id, title: title, state: .ok, mechanism: "switched off: specs that ask for one are refused")
        }
        if configuration.sharesHostNetwork {
            return Guarantee(
                id: id, title: title, state: .degraded, mechanism: "the machine's own, its loopback interface included",
                remedy: "leave out --local-host-network (sharesHostNetwork)")
        }
        guard let obstacle = host.networkObstacle else {
            let exceptions = host.translator?.exceptions ?? []
            return Guarantee(
                id: id, title: title, state: .ok,
                mechanism: "slirp4netns; refused: the machine, private and link-local networks"
                    + (exceptions.isEmpty ? "" : " but for " + exceptions.map(\.description).joined(separator: ", ")))
        }
        return Guarantee(
            id: id, title: title, state: .missing, mechanism: "specs that ask for one are refused: \(obstacle)",
            remedy: obstacle.contains("/dev/net/tun") ? "modprobe tun" : "apt-get install -y slirp4netns")
    }

    private func users(_ host: Host) -> Guarantee {
        let (id, title) = ("user.own", "a user of its own for each sandbox")
        guard host.slots != nil else {
            return Guarantee(
                id: id, title: title, state: .degraded, mechanism: "sandboxes run as the gateway's user, kept apart by namespaces only",
                remedy: "run the gateway as root")
        }
        let range = host.configuration.userIDs
        return Guarantee(id: id, title: title, state: .ok, mechanism: "uids \(range.lowerBound)–\(range.upperBound - 1)")
    }

    private func root(_ host: Host, _ survey: LauncherSurvey) -> Guarantee {
        let (id, title) = ("user.root", "root inside, for specs that ask for it")
        guard let launcher = survey.root.launcher else {
            let obstacle = survey.root.obstacle ?? "it could not be tried"
            return Guarantee(
                id: id, title: title, state: .missing, mechanism: "specs that ask for it are refused: \(obstacle)",
                remedy: host.rootSlots == nil
                    ? "run the gateway as root" : "run the gateway as root on Linux 5.19 or later, where there are loop devices")
        }
        guard let obstacle = launcher.mergeObstacle else {
            let range = host.configuration.rootUserIDs
            return Guarantee(
                id: id, title: title, state: .ok,
                mechanism:
                    "a root directory of its own, ids \(range.lowerBound)–\(range.upperBound - 1); reads all below the machine's /usr")
        }
        return Guarantee(
            id: id, title: title, state: .degraded, mechanism: "the machine's /usr stays read-only: \(obstacle)",
            remedy: "run the gateway on Linux 5.19 or later, with /usr on a file system that mounts can map (ext4, XFS, btrfs)")
    }

    private func limits(_ host: Host) -> [Guarantee] {
        let enforced = host.groups?.enforces ?? []
        let mechanism = "cgroup v\(host.groups?.isUnified == true ? 2 : 1)"
        let remedy = "run the gateway as root, or under systemd with Delegate=yes"
        func limit(_ controller: ControlGroups.Controller, _ title: String, otherwise: String) -> Guarantee {
            let id = "limit.\(controller.rawValue)"
            if enforced.contains(controller) { return Guarantee(id: id, title: title, state: .ok, mechanism: mechanism) }
            return Guarantee(id: id, title: title, state: .degraded, mechanism: otherwise, remedy: remedy)
        }
        return [
            limit(
                .memory, "memory limit",
                otherwise: "rlimit on each process's data, not on the sandbox; running out of memory is not reported"),
            limit(.cpu, "cpu limit", otherwise: "whole cores by affinity"),
            limit(.pids, "process limit", otherwise: "rlimit on the user's processes"),
        ]
    }

    private func disk(_ host: Host) -> Guarantee {
        let (id, title) = ("limit.disk", "disk limit")
        guard let obstacle = host.diskObstacle else {
            return Guarantee(id: id, title: title, state: .ok, mechanism: "an ext4 image of that size for each sandbox")
        }
        return Guarantee(
            id: id, title: title, state: .degraded, mechanism: "files in memory (\(obstacle)); disk beyond memory is refused",
            remedy: obstacle.contains("mkfs") ? "apt-get install -y e2fsprogs" : "run the gateway as root where there are loop devices")
    }

    private func pause(_ host: Host) -> Guarantee {
        let (id, title) = ("life.pause", "pause and resume")
        guard let obstacle = host.freezeObstacle else {
            return Guarantee(id: id, title: title, state: .ok, mechanism: "freezer of the control groups")
        }
        return Guarantee(
            id: id, title: title, state: .missing, mechanism: obstacle,
            remedy: "run the gateway as root, or under systemd with Delegate=yes")
    }

    private func snapshots(_ host: Host) -> Guarantee {
        let (id, title) = ("life.snapshots", "snapshots and forks")
        guard let obstacle = host.copyObstacle else {
            return Guarantee(id: id, title: title, state: .ok, mechanism: "copies of disk images, the sandbox frozen meanwhile")
        }
        return Guarantee(
            id: id, title: title, state: .missing, mechanism: obstacle,
            remedy: obstacle.contains("e2fsck") ? "apt-get install -y e2fsprogs" : "run the gateway as root where there are loop devices")
    }

    private func languages(_ host: Host) -> [Guarantee] {
        LanguageSurvey.toolchains.map { language, programs, package in
            let (id, title) = ("language.\(language.rawValue)", "\(language.rawValue) without an image")
            if host.languages.contains(language) {
                return Guarantee(id: id, title: title, state: .ok, mechanism: "the machine's own toolchain")
            }
            let wanted = programs.map { $0.joined(separator: " and ") }.joined(separator: ", or ")
            return Guarantee(
                id: id, title: title, state: .missing, mechanism: "no \(wanted) below /usr", remedy: "apt-get install -y \(package)")
        }
    }
    #else
    /// Says that there is nothing here.
    package func diagnose() -> [Guarantee] {
        IsolationLevel.allCases.map { level in
            Guarantee(
                id: "isolation.\(level.rawValue)", title: "isolation \(level.rawValue)", state: .missing,
                mechanism: "local sandboxes need Linux",
                remedy: "run the gateway on Linux, or use another provider")
        }
    }
    #endif
}
