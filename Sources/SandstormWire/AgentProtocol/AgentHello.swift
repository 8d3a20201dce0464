/// Who answers at the other end of a new session.
package struct AgentHello: Equatable, Sendable {
    /// The agent's ``AgentProtocol/version``. A gateway refuses a version it was not made for.
    package var protocolVersion: UInt16
    /// The agent's own version, for people.
    package var agentVersion: String
    /// The agent's pid where it lives: 1 when it is the sandbox's first process.
    package var pid: Int32
    /// The effective uid, which is also the uid of everything it starts.
    package var uid: UInt32

    package init(protocolVersion: UInt16 = AgentProtocol.version, agentVersion: String, pid: Int32, uid: UInt32) {
        self.protocolVersion = protocolVersion
        self.agentVersion = agentVersion
        self.pid = pid
        self.uid = uid
    }
}
