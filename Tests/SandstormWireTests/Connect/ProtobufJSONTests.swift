import SandstormCore
import SandstormWire
import Testing

@Suite("Protobuf's JSON")
struct ProtobufJSONTests {
    private func message(_ text: String) throws -> ProtobufJSON { try ProtobufJSON(try JSONValue(parsing: text)) }

    @Test func `keys come in either spelling, and null is absent`() throws {
        #expect(try message(#"{"watcherId":"a"}"#).string("watcherId") == "a")
        #expect(try message(#"{"watcher_id":"b"}"#).string("watcherId") == "b")
        #expect(try message(#"{"watcherId":null}"#).string("watcherId") == nil)
        #expect(try message(#"{}"#).string("watcherId") == nil)
    }

    @Test func `numbers come as numbers or as text, and must fit`() throws {
        #expect(try message(#"{"size":"9007199254740993"}"#).integer("size") == 9_007_199_254_740_993)
        #expect(try message(#"{"size":12}"#).integer("size") == UInt32(12))
        #expect(try message(#"{"exitCode":-1}"#).integer("exitCode") == Int32(-1))
        for text in [#"{"n":-1}"#, #"{"n":4294967296}"#, #"{"n":1.5}"#, #"{"n":"x"}"#, #"{"n":true}"#] {
            #expect(throws: ConnectError.self, "\(text)") { let _: UInt32? = try message(text).integer("n") }
        }
    }

    @Test func `bytes come in either alphabet, with padding or without`() throws {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            #expect(try message(#"{"data":"\#(text)"}"#).bytes("data") == [0xFB, 0xFF], "\(text)")
        }
        #expect(try message(#"{"data":""}"#).bytes("data") == [])
        #expect(throws: ConnectError.self) { try message(#"{"data":"?"}"#).bytes("data") }
        #expect(ProtobufJSON.base64([0xFB, 0xFF]) == "+/8=")
    }

    @Test func `an enum comes by name or by number`() throws {
        let names: KeyValuePairs = ["SIGNAL_SIGTERM": 15, "SIGNAL_SIGKILL": 9]
        #expect(try message(#"{"signal":"SIGNAL_SIGKILL"}"#).enumeration("signal", names) == 9)
        #expect(try message(#"{"signal":15}"#).enumeration("signal", names) == 15)
        #expect(try message(#"{"signal":2}"#).enumeration("signal", names) == 2)
        #expect(try message(#"{}"#).enumeration("signal", names) == nil)
        #expect(throws: ConnectError.self) { try message(#"{"signal":"SIGNAL_ODD"}"#).enumeration("signal", names) }
    }

    @Test func `lists and maps are read whole or not at all`() throws {
        #expect(try message(#"{"args":["a","b"]}"#).strings("args") == ["a", "b"])
        #expect(try message(#"{}"#).strings("args") == [])
        #expect(try message(#"{"envs":{"A":"1"}}"#).stringMap("envs") == ["A": "1"])
        #expect(try message(#"{"entries":[{"name":"a"}]}"#).messages("entries").map { try $0.string("name") } == ["a"])
        #expect(throws: ConnectError.self) { try message(#"{"args":["a",1]}"#).strings("args") }
        #expect(throws: ConnectError.self) { try message(#"{"envs":{"A":1}}"#).stringMap("envs") }
        #expect(throws: ConnectError.self) { try message(#"{"entries":[1]}"#).messages("entries") }
        #expect(throws: ConnectError.self) { try message(#"[]"#) }
    }
}
