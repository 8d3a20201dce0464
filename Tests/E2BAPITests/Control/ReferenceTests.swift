import SandstormCore
import SandstormTestSupport
import Testing

@testable import E2BAPI

@Suite("Names and ids in E2B's dialect") struct ReferenceTests {
    @Test func `builds' ids are UUIDs of the same bits`() throws {
        for _ in 0..<200 {
            let id = TemplateBuildID.generate()
            let text = BuildIDText.text(id)
            #expect(text.count == 36 && text.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
            #expect(BuildIDText.parse(text) == id)
        }
        for wrong in [
            "", "x", "00000000-0000-0000-0000-00000000000", "0000000000000000000000000000000000000", "00000000-0000-0000-0000-00000000000g",
        ] {
            #expect(BuildIDText.parse(wrong) == nil)
        }
    }

    @Test func `references have up to three parts`() throws {
        let whole = try TemplateReference("team/name:v1")
        #expect(whole.namespace == "team" && whole.name == "name" && whole.tag == "v1")
        let bare = try TemplateReference("name")
        #expect(bare.namespace == nil && bare.tag == nil)
        for wrong in ["", "/", "a/", "/a", "a:", ":a", "a b", "a/b/c", "a:b:c", "-a", "a/../b", "é", String(repeating: "a", count: 129)] {
            #expect(throws: E2BError.self) { try TemplateReference(wrong) }
        }
    }

    @Test(
        "networks are read as they are meant",
        arguments: [
            ("1.2.3.4", true, false), ("1.2.3.4/8", true, false), ("1.2.3.4/33", false, false), ("::1", true, false),
            ("fe80::/10", true, false),
            ("a.com", false, true), ("*.a.com", false, true), ("*", false, false), ("a..b", false, false), ("1.2.3.256", false, true),
            ("", false, false),
        ])
    func addresses(text: String, isBlock: Bool, isName: Bool) {
        #expect(NetworkChoice.isBlock(text) == isBlock)
        #expect(NetworkChoice.isName(text) == isName)
    }
}
