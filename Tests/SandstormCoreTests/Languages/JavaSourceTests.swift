import Testing

@testable import SandstormCore

@Suite("What a Java source starts") struct JavaSourceTests {
    struct Case: CustomTestStringConvertible {
        let source: String
        let fileName: String
        let mainClass: String
        var testDescription: String { source }
    }

    private static let main = "public static void main(String[] args) {}"

    @Test(
        "finds file and class",
        arguments: [
            Case(source: "public class Foo { \(main) }", fileName: "Foo.java", mainClass: "Foo"),
            Case(source: "class Foo { \(main) }", fileName: "Main.java", mainClass: "Foo"),
            Case(source: "class A { } class B { \(main) }", fileName: "Main.java", mainClass: "B"),
            Case(source: "public class A { } class B { \(main) }", fileName: "A.java", mainClass: "B"),
            Case(source: "class A { \(main) } public class B { \(main) }", fileName: "B.java", mainClass: "B"),
            Case(source: "package a.b ;\nimport java.util.*;\npublic final class C { \(main) }", fileName: "C.java", mainClass: "a.b.C"),
            Case(source: "public record P(int x) { \(main) }", fileName: "P.java", mainClass: "P"),
            Case(source: "public sealed interface S permits T { \(main) }", fileName: "S.java", mainClass: "S"),
            Case(source: "enum E { A { void f() {} }; \(main) }", fileName: "Main.java", mainClass: "E"),
            Case(
                source: "// public class X {\n/* public class Y { */ class Z { String s = \"}\"; char c = '\"'; \(main) }",
                fileName: "Main.java", mainClass: "Z"),
            Case(
                source: "class T { String s = \"\"\"\n public class Q { \\\"\"\" \"\"\"; \(main) }", fileName: "Main.java", mainClass: "T"),
            Case(source: "@Deprecated(since = \"1\") public class D { class Inner { } \(main) }", fileName: "D.java", mainClass: "D"),
            Case(source: "class Outer { static class Inner { \(main) } } class R { \(main) }", fileName: "Main.java", mainClass: "R"),
            Case(source: "void main() { System.out.println(1); }", fileName: "Main.java", mainClass: "Main"),
            Case(source: "record P(int x) {}\nvoid main() { }", fileName: "Main.java", mainClass: "Main"),
            Case(source: "", fileName: "Main.java", mainClass: "Main"),
            Case(source: "class Größe { \(main) }", fileName: "Main.java", mainClass: "Größe"),
        ])
    func finds(example: Case) {
        let source = JavaSource(example.source)
        #expect(source.fileName == example.fileName)
        #expect(source.mainClass == example.mainClass)
    }
}
