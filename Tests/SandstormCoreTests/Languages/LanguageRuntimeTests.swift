import SandstormCore
import Testing

@Suite("Plans for every language") struct LanguageRuntimeTests {
    private func text(_ path: String, in plan: RunPlan) -> String? {
        plan.files.first { $0.path == path }.map { String(decoding: $0.content, as: UTF8.self) }
    }

    @Test("each has a plan that ends in running the code", arguments: Language.allCases)
    func everyLanguage(language: Language) throws {
        let plans = language.runtime.plans(code: "code", arguments: ["--flag", "two words", ""])
        #expect(language.runtime.language == language)
        #expect(!plans.isEmpty)
        for plan in plans {
            let run = try #require(plan.steps.last)
            #expect(run.purpose == .run)
            #expect(run.unusableExitCode == nil, "a program's exit codes are its own")
            #expect(run.arguments.suffix(3) == ["--flag", "two words", ""])
            #expect(plan.steps.dropLast().allSatisfy { $0.purpose != .run && $0.arguments.suffix(3) != ["--flag", "two words", ""] })
            #expect(!plan.steps.contains { $0.purpose == .install && language != .csharp }, "nothing to install")
            #expect(Set(plan.files.map(\.path)).count == plan.files.count)
            #expect(plan.files.contains { String(decoding: $0.content, as: UTF8.self).contains("code") })
            #expect(!plan.toolchain.isEmpty)
        }
    }

    @Test("the code is in the documented file", arguments: Language.allCases)
    func fileName(language: Language) throws {
        let plan = try #require(language.runtime.plans(code: "code").first)
        #expect(text(language.runtime.fileName, in: plan)?.contains("code") == true)
    }

    @Test(
        "toolchains in order",
        arguments: [
            (.python, ["python3", "python"]), (.javascript, ["node", "bun", "deno"]), (.typescript, ["node", "bun", "deno"]), (.go, ["go"]),
            (.rust, ["rustc"]), (.java, ["javac"]), (.cpp, ["g++", "clang++"]), (.csharp, ["dotnet", "mcs"]), (.php, ["php"]),
            (.ruby, ["ruby"]),
            (.shell, ["bash", "sh"]),
        ] as [(Language, [String])])
    func order(language: Language, programs: [String]) {
        #expect(language.runtime.plans(code: "").compactMap { $0.steps.first?.arguments.first } == programs)
    }

    @Test func `a JVM is told the sandbox's memory instead of the machine's`() {
        let steps = Language.java.runtime.plans(code: "class A { }", memory: 256)[0].steps
        #expect(steps.allSatisfy { step in step.arguments.contains { $0.hasSuffix("-XX:MaxRAM=256m") } })
    }

    @Test(
        "requirements are installed before anything else",
        arguments: [
            (.python, "requests==2.32.3", ["uv", "python3", "python"]), (.javascript, "left-pad@1.3.0", ["npm", "bun", "deno"]),
            (.typescript, "left-pad@1.3.0", ["npm", "bun", "deno"]), (.go, "golang.org/x/text@v0.14.0", ["go"]),
            (.rust, "serde@1", ["cargo"]),
            (.java, "com.google.code.gson:gson:2.11.0", ["mvn"]), (.csharp, "Newtonsoft.Json@13.0.3", ["dotnet"]),
            (.php, "ramsey/uuid:^4.7", ["composer"]), (.ruby, "rake:13.0.6", ["gem"]),
        ] as [(Language, String, [String])])
    func requirements(language: Language, requirement: String, installers: [String]) {
        #expect(language.runtime.requirementProblems([requirement], at: "/requirements").isEmpty)
        let plans = language.runtime.plans(code: "", requirements: [requirement])
        #expect(plans.map { $0.steps.first { $0.purpose == .install }?.arguments.first } == installers)
        for plan in plans { #expect(plan.steps.first?.purpose == .install || plan.steps.first?.unusableExitCode != nil) }
    }

    @Test("languages without packages say so", arguments: [Language.cpp, .shell])
    func noPackages(language: Language) {
        #expect(language.runtime.requirementProblems([], at: "/requirements").isEmpty)
        let problems = language.runtime.requirementProblems(["boost", "fmt"], at: "/requirements")
        #expect(problems.map(\.pointer) == ["/requirements"])
    }

    @Test(
        "a requirement of the wrong form is named",
        arguments: [
            (.java, "gson"), (.java, "a:b"), (.java, "a:b:1</version>"), (.go, "text"), (.go, "-x.y/z"), (.rust, "serde[derive"),
            (.rust, "serde@1\"]"), (.rust, "a/b"), (.csharp, "Json\"/>"), (.php, "uuid"), (.php, "a/b/c"), (.php, "a/b:"),
        ] as [(Language, String)])
    func wrongForm(language: Language, requirement: String) {
        let problems = language.runtime.requirementProblems([requirement], at: "/spec/requirements")
        #expect(problems.map(\.pointer) == ["/spec/requirements/0"])
    }

    @Test func `a spec with a requirement that its language can't have is refused`() {
        var spec = SandboxSpec(code: "int main() {}", language: .cpp)
        spec.requirements = ["boost"]
        spec.network = .open
        #expect { try spec.validated() } throws: { error in
            (error as? InvalidRequest)?.problems.map(\.pointer) == ["/requirements"]
        }
        spec.language = .python
        #expect(throws: Never.self) { try spec.validated() }
    }

    // MARK: One language each

    @Test func `Python streams, leaves no caches, and finds its packages`() throws {
        let plan = try #require(Language.python.runtime.plans(code: "pass", requirements: ["six"]).first { $0.toolchain == "python3" })
        let (install, run) = (try #require(plan.steps.first), try #require(plan.steps.last))
        #expect(run.environment["PYTHONUNBUFFERED"] == "1")
        #expect(run.environment["PYTHONDONTWRITEBYTECODE"] == "1")
        let packages = try #require(run.environment["PYTHONPATH"])
        #expect(install.arguments.starts(with: ["python3", "-m", "pip", "install"]))
        #expect(install.arguments.contains(packages))
        #expect(install.arguments.last == "six")
    }

    @Test func `a Python 2 called python is passed over`() throws {
        let plan = try #require(Language.python.runtime.plans(code: "pass").last)
        #expect(plan.steps.first?.unusableExitCode == RunPlan.Step.unusable)
        #expect(plan.steps.first?.arguments.last?.contains("version_info") == true)
    }

    @Test func `JavaScript modules and scripts are told apart by extension`() throws {
        let module = try #require(Language.javascript.runtime.plans(code: "import a from 'a'").first)
        #expect(module.steps.map(\.arguments) == [["node", "main.mjs"]])
        let script = try #require(Language.javascript.runtime.plans(code: "require('a')").first)
        #expect(script.steps.map(\.arguments) == [["node", "main.js"]])
    }

    @Test func `a JavaScript module that uses require gets one`() throws {
        let plan = try #require(Language.javascript.runtime.plans(code: "import a from 'a'; require('b')").first)
        let run = try #require(plan.steps.last)
        let index = try #require(run.arguments.firstIndex(of: "--require"))
        let prelude = String(run.arguments[index + 1].dropFirst(2))
        #expect(text(prelude, in: plan)?.contains("globalThis.require") == true)
    }

    @Test func `TypeScript gives way when Node can't remove types`() throws {
        let plan = try #require(Language.typescript.runtime.plans(code: "const a: number = await 1").first)
        #expect(plan.steps.map(\.purpose) == [.compile, .run])
        #expect(plan.steps[0].unusableExitCode == RunPlan.Step.unusable)
        #expect(plan.steps[0].arguments.suffix(2) == ["main.ts", "main.mjs"])
        #expect(plan.steps[1].arguments.last == "main.mjs")
    }

    @Test func `Go gets a module file only for requirements, and never over the caller's`() throws {
        let runtime = Language.go.runtime
        #expect(text("go.mod", in: try #require(runtime.plans(code: "").first)) == nil)
        #expect(text("go.mod", in: try #require(runtime.plans(code: "", requirements: ["a.b/c"]).first)) != nil)
        #expect(
            text("go.mod", in: try #require(runtime.plans(code: "", requirements: ["a.b/c"], files: ["/workspace/go.mod"]).first)) == nil)
    }

    @Test(
        "compilers are told of the caller's other sources",
        arguments: [
            (.go, ["util.go", "util_test.go", "sub/other.go", "data.txt"], ["util.go"]),
            (.cpp, ["/workspace/lib/a.cpp", "b.cc", "b.h", "main.cpp"], ["lib/a.cpp", "b.cc"]),
        ] as [(Language, [String], [String])])
    func otherSources(language: Language, files: [String], expected: [String]) throws {
        let plan = try #require(language.runtime.plans(code: "", files: files).first)
        let compile = try #require(plan.steps.first { $0.purpose == .compile })
        #expect(compile.arguments.suffix(expected.count) == expected[...])
    }

    @Test func `Rust requirements become a manifest`() throws {
        let plan = try #require(Language.rust.runtime.plans(code: "", requirements: ["serde[derive,rc]@1.0", "rand"]).first)
        let manifest = try #require(text("\(RunPlan.directory)/Cargo.toml", in: plan))
        #expect(manifest.contains("serde = { version = \"1.0\", features = [\"derive\", \"rc\"] }"))
        #expect(manifest.contains("rand = { version = \"*\", features = [] }"))
    }

    @Test func `Java is compiled under its public class's name`() throws {
        let plan = try #require(
            Language.java.runtime.plans(code: "package a; public class Foo { public static void main(String[] a) {} }").first)
        #expect(plan.steps[0].arguments.last == "Foo.java")
        #expect(plan.steps[1].arguments.last == "a.Foo")
        #expect(text("Foo.java", in: plan) != nil)
    }

    @Test("C# directives need a file-based app", arguments: [("#:package A@1\nreturn;", 1), ("class P { static void Main() {} }", 2)])
    func csharpDirectives(code: String, plans: Int) {
        #expect(Language.csharp.runtime.plans(code: code).count == plans)
    }

    @Test(
        "PHP gets an opening tag where it has none",
        arguments: [
            ("echo 1;", "<?php echo 1;"), ("\n  echo '<?php';", "<?php \n  echo '<?php';"), ("<?php echo 1;", "<?php echo 1;"),
            ("<p><?= 1 ?></p>", "<p><?= 1 ?></p>"), ("#!/usr/bin/php\n<?php echo 1;", "#!/usr/bin/php\n<?php echo 1;"),
            ("Dear\n<?php echo 1;", "Dear\n<?php echo 1;"), ("", ""),
        ])
    func phpTag(code: String, expected: String) throws {
        #expect(text("main.php", in: try #require(Language.php.runtime.plans(code: code).first)) == expected)
    }

    @Test func `Ruby's output is unbuffered by a prelude`() throws {
        let plan = try #require(Language.ruby.runtime.plans(code: "").first)
        let arguments = try #require(plan.steps.last?.arguments)
        let index = try #require(arguments.firstIndex(of: "-r"))
        #expect(text(String(arguments[index + 1].dropFirst(2)), in: plan)?.contains("$stdout.sync = true") == true)
        #expect(arguments.last == "main.rb")
    }
}
