extension LanguageRuntime {
    /// A JDK of version 11 or later: javac, then java.
    ///
    /// Compiling first takes 0.68 s in all for a small program, where `java Main.java` takes 0.75 s, or 0.54 s if that stops at the
    /// quick compiler, at which the program then stays for all its life. It also allows the class with `main` to be anywhere in the
    /// file, and further files. The source is named after its public class, as javac demands. `System.out` flushes each line.
    static let java = LanguageRuntime(
        .java, fileName: "Main.java",
        requirements: .form(remedy: "send Maven coordinates as in \"com.google.code.gson:gson:2.11.0\"") { requirement in
            let parts = requirement.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            return parts.count == 3 && parts.allSatisfy { $0.isMade(of: "._-") }
        }
    ) { program in
        let source = JavaSource(program.code)
        let classes = RunPlan.path("classes")
        var files = [SpecFile.directory, SpecFile(source.fileName, program.code)]
        var steps: [RunPlan.Step] = []
        var classPath = classes
        if !program.requirements.isEmpty {
            let libraries = RunPlan.path("libraries")
            let pom = SpecFile("\(RunPlan.directory)/pom.xml", mavenProject(program.requirements))
            files.append(pom)
            classPath += ":\(libraries)/*"
            // Maven and nothing simpler: only it knows what a package needs in its turn.
            let command = ["mvn", "--quiet", "--batch-mode", "--file", pom.path, "dependency:copy-dependencies"]
            steps.append(.init(.install, command + ["-DincludeScope=runtime", "-DoutputDirectory=\(libraries)"]))
        }
        // A JVM takes its share of the machine's memory, of which the sandbox has only a part, and would be killed before it collects.
        let memory = ["-XX:MaxRAM=\(program.memory)m", "-XX:MaxRAMPercentage=60"]
        let compile =
            ["javac"] + memory.map { "-J" + $0 } + [
                "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData", "-encoding", "UTF-8", "-proc:none", "-nowarn",
                "-XDsuppressNotes", "-d", classes, "-classpath", classPath, "-sourcepath", ".", source.fileName,
            ]
        // JDKs before 18 print in the locale's character set; later ones have properties of their own for the standard streams. Names of
        // files have no property at all.
        let environment = ["LANG": "C.UTF-8"]
        let run =
            ["java"] + memory + [
                "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8",
                "-Dstderr.encoding=UTF-8", "-classpath", classPath, source.mainClass,
            ]
        steps.append(.init(.compile, compile, environment: environment))
        steps.append(.init(.run, run + program.arguments, environment: environment))
        return [RunPlan(toolchain: program.requirements.isEmpty ? "javac and java" : "mvn, javac and java", files: files, steps: steps)]
    }

    private static func mavenProject(_ requirements: [String]) -> String {
        let dependencies = requirements.map { requirement in
            let parts = requirement.split(separator: ":")
            return """
                <dependency><groupId>\(parts[0])</groupId><artifactId>\(parts[1])</artifactId><version>\(parts[2])</version></dependency>

                """
        }
        return """
            <project xmlns="http://maven.apache.org/POM/4.0.0">
            <modelVersion>4.0.0</modelVersion>
            <groupId>program</groupId><artifactId>program</artifactId><version>1</version>
            <dependencies>
            \(dependencies.joined())</dependencies>
            </project>

            """
    }
}
