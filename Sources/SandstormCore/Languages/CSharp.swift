extension LanguageRuntime {
    /// The .NET SDK, else Mono.
    ///
    /// Without `#:` directives, which only a file-based app of .NET 10 has, the SDK gets a project file that fits any
    /// version of it. Mono's compiler knows C# 7: a class with `Main`, no top-level statements. Both flush standard output
    /// after each write.
    static let csharp = LanguageRuntime(
        .csharp, fileName: "main.cs",
        requirements: .form(remedy: "name a NuGet package and its version as in \"Newtonsoft.Json@13.0.3\"") { requirement in
            let (name, version) = requirement.halves(at: "@")
            return name.isMade(of: "._-") && version?.isMade(of: ".-+*") ?? true
        }
    ) { program in
        let isFileBased = program.code.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("#:") }
        let sdk = isFileBased ? RunPlan.dotnetFile(program) : RunPlan.dotnetProject(program)
        return program.requirements.isEmpty && !isFileBased ? [sdk, .mono(program)] : [sdk]
    }
}

extension RunPlan {
    /// Nothing but the program's own output, nothing sent home, no server left behind that would outlive the step.
    private static let dotnetEnvironment = [
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
        "DOTNET_GENERATE_ASPNET_CERTIFICATE": "false", "DOTNET_CLI_USE_MSBUILD_SERVER": "0", "MSBUILDDISABLENODEREUSE": "1",
        "MSBUILDTERMINALLOGGER": "off", "UseSharedCompilation": "false",
    ]

    fileprivate static func dotnetFile(_ program: LanguageRuntime.Program) -> RunPlan {
        // Requirements beside directives become directives.
        let source = SpecFile("main.cs", program.code)
        let add = program.requirements.map { requirement in
            Step(.install, ["dotnet", "package", "add", requirement, "--file", "main.cs"], environment: dotnetEnvironment)
        }
        return RunPlan(
            toolchain: "dotnet", files: [source],
            steps: add + [
                Step(.compile, ["dotnet", "build", "--verbosity", "quiet", "main.cs"], environment: dotnetEnvironment),
                Step(.run, ["dotnet", "run", "--no-build", "main.cs", "--"] + program.arguments, environment: dotnetEnvironment),
            ])
    }

    fileprivate static func dotnetProject(_ program: LanguageRuntime.Program) -> RunPlan {
        let project = "\(directory)/program.csproj"
        let output = path("out")
        let packages = program.requirements.map { requirement in
            let (name, version) = requirement.halves(at: "@")
            return "    <PackageReference Include=\"\(name)\" Version=\"\(version ?? "*")\" />\n"
        }
        let content = """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net$(BundledNETCoreAppTargetFrameworkVersion)</TargetFramework>
                <AssemblyName>program</AssemblyName>
                <LangVersion>latest</LangVersion>
                <ImplicitUsings>enable</ImplicitUsings>
                <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
                <EnableDefaultItems>false</EnableDefaultItems>
                <InvariantGlobalization>true</InvariantGlobalization>
                <TieredPGO>false</TieredPGO>
                <UseAppHost>false</UseAppHost>
                <WarningLevel>0</WarningLevel>
                <TreatWarningsAsErrors>false</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <Compile Include="../**/*.cs" Exclude="../\(directory)/**" />
            \(packages.joined())  </ItemGroup>
            </Project>

            """
        let restore = Step(.install, ["dotnet", "restore", "--verbosity", "quiet", project], environment: dotnetEnvironment)
        let build = ["dotnet", "build", "--no-restore", "--verbosity", "quiet", "--output", output, project]
        return RunPlan(
            toolchain: "dotnet", files: [SpecFile("main.cs", program.code), SpecFile(project, content)],
            steps: [
                restore, Step(.compile, build, environment: dotnetEnvironment),
                Step(.run, ["dotnet", "\(output)/program.dll"] + program.arguments, environment: dotnetEnvironment),
            ])
    }

    fileprivate static func mono(_ program: LanguageRuntime.Program) -> RunPlan {
        let output = path("main.exe")
        let compile = [
            "mcs", "-langversion:latest", "-warn:0", "-debug", "-unsafe", "-r:System.Numerics.dll", "-out:\(output)", "main.cs",
        ]
        // Mono takes its console's character set from the locale.
        let environment = ["LANG": "C.UTF-8"]
        return RunPlan(
            toolchain: "mcs and mono", files: [.directory, SpecFile("main.cs", program.code)],
            steps: [
                Step(.compile, compile + program.otherSources("cs", except: "main.cs"), environment: environment),
                Step(.run, ["mono", "--debug", output] + program.arguments, environment: environment),
            ])
    }
}
