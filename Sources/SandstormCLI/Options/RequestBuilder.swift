import Sandstorm

/// Makes a request of options, and collects what is wrong with them.
///
/// The options become the request in the API's JSON, which is then read by the rules that a gateway has: there is one set
/// of rules, and one place that knows the defaults.
struct RequestBuilder {
    private let options: RunOptions
    /// What the options say about the sandbox, and everything that is wrong so far.
    private var builder = SpecBuilder()
    /// The whole request of a spec file, of which the options change parts.
    private var request = JSONObject()

    init(_ options: RunOptions) { self.options = options }

    private var spec: JSONObject {
        get { builder.spec }
        set { builder.spec = newValue }
    }

    private var constraints: JSONObject {
        get { builder.constraints }
        set { builder.constraints = newValue }
    }

    private var problems: [OptionProblem] {
        get { builder.problems }
        set { builder.problems = newValue }
    }

    /// The request.
    ///
    /// - Throws: ``CommandFailure`` with every problem; nothing was started.
    static func request(from options: RunOptions) async throws -> RunRequest {
        let input = options.stdin ? try await StandardInput.readAll() : nil
        var builder = RequestBuilder(options)
        return try builder.build(input: input)
    }

    private mutating func build(input: [UInt8]?) throws -> RunRequest {
        readSpecFile()
        addProgram()
        addInput(input)
        builder.add(options.sandbox)
        request["spec"] = .object(spec)
        if !constraints.members.isEmpty { request["constraints"] = .object(constraints) }
        if options.detach { request["detached"] = true }
        do throws(InvalidRequest) {
            var request = try RunRequest(json: .object(request))
            request.idempotencyKey = options.sandbox.idempotencyKey
            if problems.isEmpty { return request }
        } catch {
            problems += error.problems.map { OptionProblem($0, origin: options.spec) }.filter { !isConsequence($0) }
        }
        throw CommandFailure(problems)
    }

    /// A program that could not be read is missing in the request as well, which need not be told.
    private func isConsequence(_ problem: OptionProblem) -> Bool {
        hasProgramProblem && (problem.place == "the code" || problem.place == "--language")
    }

    private var hasProgramProblem = false

    private mutating func report(_ place: String, _ detail: String, remedy: String) {
        builder.report(place, detail, remedy: remedy)
    }

    private mutating func reportProgram(_ place: String, _ detail: String, remedy: String) {
        hasProgramProblem = true
        report(place, detail, remedy: remedy)
    }

    // MARK: Parts

    private mutating func readSpecFile() {
        guard let path = options.spec else { return }
        do throws(OptionProblem.Thrown) {
            let bytes = try LocalFile(path).read(as: "--spec")
            let json: JSONValue
            do throws(JSONSyntaxError) { json = try JSONValue(parsing: bytes) } catch {
                throw .init(OptionProblem("--spec", "\(path) is not JSON: \(error)", remedy: "correct the file"))
            }
            guard let object = json.objectValue else {
                throw .init(OptionProblem("--spec", "\(path) holds no JSON object", remedy: "write {\"code\": …, \"language\": …}"))
            }
            request = object["spec"] == nil ? [:] : object
            spec = object["spec"] == nil ? object : object["spec"]?.objectValue ?? [:]
            constraints = request["constraints"]?.objectValue ?? [:]
        } catch {
            hasProgramProblem = true
            problems.append(error.problem)
        }
    }

    private mutating func addProgram() {
        let given = [options.file, options.code, options.command.isEmpty ? nil : "--"].compactMap(\.self).count
        if given > 1 {
            reportProgram("FILE, -c and --", "are given together", remedy: "give one of them")
            return
        }
        if given == 1 {
            for key in ["code", "command"] { spec[key] = nil }
        } else if spec["code"] == nil, spec["command"] == nil, options.spec == nil {
            reportProgram("", "there is nothing to run", remedy: "name a FILE, or give -c CODE, or -- COMMAND")
        }
        if !options.command.isEmpty {
            spec["command"] = .strings(options.command)
            if !options.arguments.isEmpty {
                report("--arg", "is given with a command", remedy: "write the arguments after the command")
            }
        }
        if let code = options.code { spec["code"] = .string(code) }
        if let path = options.file { addFile(path) }
        if let language = options.language { spec["language"] = .string(language) }
        if !options.arguments.isEmpty { spec["arguments"] = .strings(options.arguments) }
    }

    private mutating func addFile(_ path: String) {
        do throws(OptionProblem.Thrown) {
            let file = LocalFile(path)
            let bytes = try file.read(as: "FILE")
            guard let code = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
                throw .init(
                    OptionProblem("FILE", "\(path) is not text", remedy: "name a source file in UTF-8, or run a program with -- COMMAND"))
            }
            spec["code"] = .string(code)
            spec["language"] = nil
            guard options.language == nil else { return }
            guard let language = Language(fileExtension: file.fileExtension) else {
                let what =
                    file.fileExtension.isEmpty ? "has no extension" : "has the extension .\(file.fileExtension), which no language here has"
                throw .init(OptionProblem("FILE", "\(path) \(what)", remedy: "say the language with --language: \(Language.names)"))
            }
            spec["language"] = .string(language.rawValue)
        } catch {
            hasProgramProblem = true
            problems.append(error.problem)
        }
    }

    private mutating func addInput(_ input: [UInt8]?) {
        if !options.requirements.isEmpty { spec["requirements"] = .strings(options.requirements) }
        if let input {
            spec["stdinBase64"] = nil
            spec["stdin"] = nil
            spec.setBytes(input, "stdin")
        }
        if options.idempotent { spec["idempotent"] = true }
    }
}
