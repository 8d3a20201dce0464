extension LanguageRuntime {
    /// g++, else clang++, as GNU C++20 by the name that compilers since 2018 know; all of the caller's C++ sources make one program.
    ///
    /// At -O1: as quick to compile as -O0, a fifth quicker than -O2. Standard output on a pipe is buffered by block in C and C++,
    /// and no environment variable of the C library changes that, so a second, tiny source makes it buffered by line.
    static let cpp = LanguageRuntime(
        .cpp, fileName: "main.cpp",
        requirements: .none(remedy: "send headers and sources as files, or use an image that has the libraries")
    ) { program in
        let output = RunPlan.path("main")
        let lines = SpecFile("\(RunPlan.directory)/lines.cpp", lineBuffering)
        let sources = ["main.cpp", lines.path] + program.otherSources("cpp", "cc", "cxx", except: "main.cpp")
        return ["g++", "clang++"].map { compiler in
            RunPlan(
                toolchain: compiler, files: [SpecFile("main.cpp", program.code), lines],
                steps: [
                    .init(.compile, [compiler, "-std=gnu++2a", "-O1", "-w", "-pipe", "-pthread", "-o", output] + sources),
                    .init(.run, [output] + program.arguments),
                ])
        }
    }

    /// Declares what it needs by itself: including a header would double the time that it takes to compile.
    private static let lineBuffering = """
        struct _IO_FILE;
        extern "C" { extern _IO_FILE *stdout; int setvbuf(_IO_FILE *, char *, int, decltype(sizeof 0)); }
        namespace { __attribute__((constructor(101))) void buffer_by_line() { setvbuf(stdout, nullptr, 1, 0); } }

        """
}
