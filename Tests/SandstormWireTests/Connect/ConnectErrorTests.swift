import SandstormCore
import SandstormWire
import Testing

@Suite("Connect errors")
struct ConnectErrorTests {
    @Test(
        "each code has its status",
        arguments: [
            (ConnectCode.canceled, 499), (.unknown, 500), (.invalidArgument, 400), (.deadlineExceeded, 504), (.notFound, 404),
            (.alreadyExists, 409), (.permissionDenied, 403), (.resourceExhausted, 429), (.failedPrecondition, 400), (.aborted, 409),
            (.outOfRange, 400), (.unimplemented, 501), (.internal, 500), (.unavailable, 503), (.dataLoss, 500), (.unauthenticated, 401),
        ])
    func statuses(code: ConnectCode, status: Int) {
        #expect(code.httpStatus == status)
        #expect(ConnectCode(rawValue: code.rawValue) == code)
        #expect(ConnectError(json: ConnectError(code, "why").json) == ConnectError(code, "why"))
    }

    @Test(
        "a proxy's status is understood",
        arguments: [
            (400, ConnectCode.invalidArgument), (401, .unauthenticated), (403, .permissionDenied), (404, .notFound), (409, .alreadyExists),
            (413, .resourceExhausted), (429, .resourceExhausted), (499, .canceled), (500, .internal), (501, .unimplemented),
            (502, .unavailable), (503, .unavailable), (504, .deadlineExceeded), (505, .unimplemented), (418, .unknown), (302, .unknown),
        ])
    func proxies(status: Int, code: ConnectCode) {
        #expect(ConnectCode(httpStatus: status) == code)
        #expect(ConnectError(httpStatus: status, body: Array("<html>".utf8)).code == code)
    }

    @Test func `the code in the body counts, not the status`() {
        let body = Array(#"{"code":"not_found","message":"no such process"}"#.utf8)
        #expect(ConnectError(httpStatus: 500, body: body) == ConnectError(.notFound, "no such process"))
    }

    @Test func `a number for a code is another protocol's, and its message is kept`() {
        let body = Array(#"{"code":502,"message":"The sandbox was not found","sandboxId":"i1"}"#.utf8)
        #expect(ConnectError(httpStatus: 502, body: body) == ConnectError(.unavailable, "The sandbox was not found"))
    }

    @Test func `an unknown word is an unknown error, and an error without a word is one too`() {
        #expect(ConnectError(httpStatus: 404, body: Array(#"{"code":"odd"}"#.utf8)) == ConnectError(.unknown, ""))
        #expect(ConnectEndOfStream(json: ["error": ["message": "m"]]).error == ConnectError(.unknown, "m"))
        #expect(ConnectEndOfStream(json: ["error": .null]).error == nil)
        #expect(ConnectEndOfStream(json: [:]).error == nil)
    }

    @Test(
        "the time to live is at most ten digits",
        arguments: [
            ("1000", Duration?.some(.seconds(1))), ("0", .zero), ("9999999999", .milliseconds(9_999_999_999)), ("10000000000", nil),
            ("", nil),
            ("-1", nil), ("+1", nil), ("1.5", nil), ("1s", nil),
        ])
    func timeouts(text: String, timeout: Duration?) {
        #expect(ConnectProtocol.timeout(text) == timeout)
    }

    @Test func `a media type is compared without its parameters`() {
        #expect(ConnectProtocol.isContentType("Application/JSON; charset=utf-8", "application/json"))
        #expect(!ConnectProtocol.isContentType("application/connect+json", "application/json"))
        #expect(!ConnectProtocol.isContentType("", "application/json"))
    }
}
