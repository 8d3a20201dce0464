extension LanguageRuntime {
    /// CPython: `python3`, else a `python` that is a Python 3.
    ///
    /// The code runs as a script, so that it sees `__name__ == "__main__"`, `sys.argv`, and modules beside it. Unbuffered, so
    /// that its output streams. Packages go to a directory of their own on `PYTHONPATH`: that needs neither a virtual
    /// environment, which takes seconds to make, nor a writable or unmanaged system Python.
    static let python = LanguageRuntime(.python, fileName: "main.py", requirements: .any) { program in
        let file = SpecFile("main.py", program.code)
        let packages = RunPlan.path("python")
        var environment = ["PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"]
        if !program.requirements.isEmpty { environment["PYTHONPATH"] = packages }

        func plan(_ python: String, checks: [RunPlan.Step] = [], install: [RunPlan.Step] = []) -> RunPlan {
            let run = RunPlan.Step(.run, [python, "-u", "main.py"] + program.arguments, environment: environment)
            return RunPlan(toolchain: python, files: [file], steps: checks + install + [run])
        }

        // An option of pip that an older one lacks is an error; an environment variable of the same meaning is not.
        let quiet = [
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_NO_WARN_SCRIPT_LOCATION": "1",
            "PIP_ROOT_USER_ACTION": "ignore", "PIP_PROGRESS_BAR": "off",
        ]
        func pip(_ python: String) -> [RunPlan.Step] {
            guard !program.requirements.isEmpty else { return [] }
            let options = ["install", "--quiet", "--no-cache-dir", "--no-compile", "--target", packages]
            return [RunPlan.Step(.install, [python, "-m", "pip"] + options + program.requirements, environment: quiet)]
        }
        let isPython3 = RunPlan.Step(
            .compile, ["python", "-c", "import sys; sys.exit(0 if sys.version_info[0] >= 3 else \(RunPlan.Step.unusable))"],
            unusableExitCode: RunPlan.Step.unusable)
        let plans = [plan("python3", install: pip("python3")), plan("python", checks: [isPython3], install: pip("python"))]
        guard !program.requirements.isEmpty else { return plans }

        // uv, where an image has it, takes less than half of pip's time.
        let uv = RunPlan.Step(
            .install, ["uv", "pip", "install", "--quiet", "--python", "python3", "--target", packages] + program.requirements,
            environment: ["UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"])
        var withUV = plan("python3", install: [uv])
        withUV.toolchain = "uv and python3"
        return [withUV] + plans
    }
}
