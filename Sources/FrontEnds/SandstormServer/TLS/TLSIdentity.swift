import NIOSSL

/// The certificate and the key with which a gateway shows who it is.
package struct TLSIdentity: Sendable {
    let configuration: TLSConfiguration

    /// Why there is none; safe for logs: nothing of the key is in it.
    package struct Failure: Error, CustomStringConvertible {
        /// Of the two files, the one that is wrong.
        package var file: String
        package var description: String
    }

    /// Reads both from PEM files.
    ///
    /// - Parameters:
    ///   - certificate: the gateway's own, then those that lead to a root.
    ///   - key: without a password.
    /// - Throws: ``Failure`` if a file is not as it must be, or the two don't belong together.
    package init(certificate: String, key: String) throws(Failure) {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
            throw Failure(file: certificate, description: "\(certificate) is no readable PEM file with certificates")
        }
        guard !chain.isEmpty else { throw Failure(file: certificate, description: "\(certificate) has no certificate in it") }
        let privateKey: NIOSSLPrivateKey
        do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
            throw Failure(file: key, description: "\(key) is no readable PEM file with a private key without a password")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        self.configuration = configuration
        do { _ = try NIOSSLContext(configuration: configuration) } catch {
            throw Failure(file: key, description: "\(key) is not the key of \(certificate)")
        }
    }

    var context: NIOSSLContext {
        get throws { try NIOSSLContext(configuration: configuration) }
    }
}
