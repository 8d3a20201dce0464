package import SandstormCore

extension LocalProvider {
    /// How the local provider is set up.
    package struct Configuration: Sendable {
        /// Where it keeps what its sandboxes need; made if it is missing. No sandbox can see it.
        package var stateDirectory: String
        /// Unpacked images: `<name>/rootfs`.
        package var imagesDirectory: String
        /// The `sandstorm-agent` to put into sandboxes; nil to look for it: `SANDSTORM_AGENT` in the environment, beside the running program,
        /// then in `../libexec/sandstorm/` from there.
        package var agentPath: String?
        /// What a sandbox costs here.
        package var price: PriceSchedule
        /// How many sandboxes may exist at once.
        package var maximumSandboxes: Int
        /// How many processes (and threads) a sandbox may have.
        package var maximumProcesses: Int
        /// Specs may ask for the network. Such a sandbox has one of its own, from which it reaches the Internet through slirp4netns, but neither
        /// the machine itself nor private networks nor link-local addresses (cloud metadata).
        package var allowsNetwork: Bool
        /// IPv4 networks and addresses that sandboxes with a network reach although they are private: `10.1.0.0/16`, `192.168.7.5`. Of these and
        /// those that are refused the longest match decides. The machine's resolver needs none: it is reached for names only.
        package var allowedPrivateNetworks: [String]
        /// Specs that ask for the network get the machine's own. Dangerous: such a sandbox reaches all that the machine reaches, services on its
        /// loopback interface and abstract unix sockets included, this gateway among them.
        package var sharesHostNetwork: Bool
        /// The OCI runtime for a level, by name or path, instead of what is looked for: bubblewrap for `standard`, `runsc` for `strong`,
        /// `kata-runtime` or `krun` for `maximum`. Whoever names one vouches for its strength.
        package var runtimes: [IsolationLevel: String]
        /// Further paths of the machine that sandboxes see, read-only: toolchains outside of `/usr`.
        package var readOnlyPaths: [String]
        /// The machine's uids and gids for sandboxes when the gateway is root, two for each. Gateways with different state directories on one
        /// machine should have different ranges, and none should overlap with `/etc/subuid`.
        package var userIDs: Range<UInt32>
        /// The same for sandboxes in which code may be root, 65,536 for each.
        package var rootUserIDs: Range<UInt32>
        /// How much of the machine's disk is kept free, in MiB: with less, no sandbox or snapshot is made. Disks are sparse files, so that all
        /// of them together may promise more than there is.
        package var diskReserveMiB: Int
        /// How long a sandbox may take from its launch to its agent's first word.
        package var launchDeadline: Duration

        /// Whether ``allowedPrivateNetworks`` may have `text`.
        package static func isNetwork(_ text: String) -> Bool {
            #if os(Linux)
            IPv4Range(text) != nil
            #else
            true
            #endif
        }

        /// - Parameter dataDirectory: the gateway's; state and images live in `local` and `images` below it.
        package init(dataDirectory: String) {
            stateDirectory = "\(dataDirectory)/local"
            imagesDirectory = "\(dataDirectory)/images"
            price = .free
            maximumSandboxes = 256
            maximumProcesses = 512
            allowsNetwork = true
            allowedPrivateNetworks = []
            sharesHostNetwork = false
            runtimes = [:]
            readOnlyPaths = []
            userIDs = 200_000..<265_536
            // What systemd leaves free above the ranges of its own containers, and below what is negative as a signed number.
            rootUserIDs = 1_879_048_192..<2_147_483_648
            diskReserveMiB = 1024
            launchDeadline = .seconds(15)
        }
    }
}
