/// What runs inside of sandboxes: the code interpreter, by file names. Embedded by the package manager, so that a program that was installed needs no
/// file beside it.
enum InterpreterPrograms {
    static let files: [(name: String, bytes: [UInt8])] = [
        ("JavaKernel.java", PackageResources.JavaKernel_java),
        ("bash_kernel.py", PackageResources.bash_kernel_py),
        (bootstrap, PackageResources.bootstrap_py),
        ("charts.py", PackageResources.charts_py),
        ("http_server.py", PackageResources.http_server_py),
        ("interpreter.py", PackageResources.interpreter_py),
        ("javascript_kernel.js", PackageResources.javascript_kernel_js),
        ("jupyter_kernel.py", PackageResources.jupyter_kernel_py),
        ("kernels.py", PackageResources.kernels_py),
        ("languages.py", PackageResources.languages_py),
        ("pipe_kernel.py", PackageResources.pipe_kernel_py),
        ("processes.py", PackageResources.processes_py),
        ("python_kernel.py", PackageResources.python_kernel_py),
    ]

    /// The one that starts the others.
    static let bootstrap = "bootstrap.py"

    static func text(of file: [UInt8]) -> String { String(decoding: file, as: UTF8.self) }
}
