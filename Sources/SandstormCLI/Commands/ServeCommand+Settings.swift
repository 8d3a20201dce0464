import LocalProvider
import Logging
import Sandstorm
import SandstormCore
import SandstormServer

extension ServeCommand {
    /// What the options say, all of them checked.
    struct Settings: Sendable {
        let address: ListenAddress
        let tlsAddress: ListenAddress?
        let logLevel: Logger.Level
        let local: LocalSettings
        let warm: WarmSetting
        let server: GatewayServer.Configuration
        let file: ConfigurationFile
    }

    /// - Throws: ``CommandFailure`` with all that is wrong with the options.
    func settings() throws -> Settings {
        var problems: [OptionProblem] = []
        let file = config.map { ConfigurationFile($0, &problems) } ?? ConfigurationFile()
        let address = checkedAddress(listen, "--listen", &problems)
        let local = checkedLocal(&problems)
        let times = checkedConnections(&problems)
        let warm = checkedWarm(&problems)
        for name in provider where name != "null" {
            problems.append(OptionProblem("--provider", "there is no provider \"\(name)\"", remedy: "use null, or leave it out"))
        }
        let tls = checkedTLS(&problems)
        let level = Logger.Level(rawValue: logLevel)
        if level == nil {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            problems.append(OptionProblem("--log-level", "\"\(logLevel)\" is no level", remedy: "use one of \(levels)"))
        }
        guard let address, let level, let times, let warm, problems.isEmpty else { throw CommandFailure(problems) }
        var server = GatewayServer.Configuration(address: .hostname(address.host, port: address.port))
        server.maximumConnections = maxConnections
        server.idleTimeout = times
        server.tls = tls.map { (.hostname($0.address.host, port: $0.address.port), $0.identity) }
        return Settings(address: address, tlsAddress: tls?.address, logLevel: level, local: local, warm: warm, server: server, file: file)
    }

    /// The listener with TLS; `nil` if there is to be none, or something is wrong with it.
    private func checkedTLS(_ problems: inout [OptionProblem]) -> (address: ListenAddress, identity: TLSIdentity)? {
        guard let tlsListen else {
            if tlsCertificate != nil || tlsKey != nil {
                problems.append(
                    OptionProblem(
                        "--tls-listen", "is missing beside a certificate or a key", remedy: "add it, such as --tls-listen 0.0.0.0:8443"))
            }
            return nil
        }
        let address = checkedAddress(tlsListen, "--tls-listen", &problems)
        guard let tlsCertificate, let tlsKey else {
            problems.append(
                OptionProblem(
                    "--tls-listen", "needs a certificate and its key", remedy: "add --tls-certificate FILE.pem --tls-key FILE.pem"))
            return nil
        }
        do throws(TLSIdentity.Failure) {
            let identity = try TLSIdentity(certificate: tlsCertificate, key: tlsKey)
            return address.map { ($0, identity) }
        } catch {
            problems.append(
                OptionProblem(
                    error.file == tlsCertificate ? "--tls-certificate" : "--tls-key", error.description,
                    remedy: "name the PEM files of a certificate and of its key"))
            return nil
        }
    }

    private func checkedAddress(_ text: String, _ option: String, _ problems: inout [OptionProblem]) -> ListenAddress? {
        guard let address = ListenAddress(parsing: text) else {
            problems.append(
                OptionProblem(option, "\"\(text)\" is no address", remedy: "write HOST:PORT, such as 127.0.0.1:8787 or [::1]:8787"))
            return nil
        }
        if dev, !address.isLoopback {
            problems.append(
                OptionProblem(
                    "--dev", "needs no key, so that \(address) would let everyone run code here",
                    remedy: "listen on 127.0.0.1 or [::1], or leave out --dev"))
        }
        return address
    }

    private func checkedWarm(_ problems: inout [OptionProblem]) -> WarmSetting? {
        if warm == "auto" {
            guard let budget = Money(warmBudget ?? ServeCommand.defaultWarmBudget), budget >= .zero else {
                problems.append(
                    OptionProblem(
                        "--warm-budget", "\"\(warmBudget ?? "")\" is no amount", remedy: "write US dollars for an hour, such as 0.50"))
                return nil
            }
            return .automatic(budget: budget)
        }
        if warmBudget != nil {
            problems.append(
                OptionProblem("--warm-budget", "means nothing without --warm auto", remedy: "add --warm auto, or leave out the budget"))
        }
        guard let count = Int(warm), (0...256).contains(count) else {
            problems.append(
                OptionProblem(
                    "--warm", "\"\(warm)\" is neither auto nor a number up to 256", remedy: "keep 0 to 256 sandboxes ready, or auto"))
            return nil
        }
        return .count(count)
    }

    /// In US dollars for an hour.
    private static let defaultWarmBudget = "0.50"

    private func checkedConnections(_ problems: inout [OptionProblem]) -> Duration? {
        if !(1...1_000_000).contains(maxConnections) {
            problems.append(OptionProblem("--max-connections", "\(maxConnections) is out of range", remedy: "serve 1 to 1000000 at a time"))
        }
        guard let time = Duration(parsing: idleTimeout), (.seconds(1) ... .seconds(86_400)).contains(time) else {
            problems.append(
                OptionProblem("--idle-timeout", "\"\(idleTimeout)\" is no length of time from 1 s to 24 h", remedy: "give 30s, 5m or 2h"))
            return nil
        }
        return time
    }

    private func checkedLocal(_ problems: inout [OptionProblem]) -> LocalSettings {
        var local = LocalSettings()
        if let localPrice {
            if let price = Money(localPrice).flatMap({ PriceSchedule(perVCPUHour: $0) }) {
                local.price = price
            } else {
                problems.append(
                    OptionProblem("--local-price", "\"\(localPrice)\" is no price", remedy: "write US dollars for an hour, such as 0.05"))
            }
        }
        for network in localPrivateNetwork where !LocalProvider.Configuration.isNetwork(network) {
            problems.append(
                OptionProblem(
                    "--local-private-network", "\"\(network)\" is no IPv4 network",
                    remedy: "write an address or a network, such as 192.168.7.5 or 10.1.0.0/16"))
        }
        if localHostNetwork, !localPrivateNetwork.isEmpty {
            problems.append(
                OptionProblem(
                    "--local-private-network", "means nothing with --local-host-network, which opens all networks",
                    remedy: "leave out one of them"))
        }
        local.privateNetworks = localPrivateNetwork
        local.sharesHostNetwork = localHostNetwork
        return local
    }
}
