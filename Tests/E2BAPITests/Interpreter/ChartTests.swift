import SandstormCore
import Testing

/// With matplotlib and pandas in real sandboxes.
@Suite("Charts and tables of the interpreter", .enabled(if: KernelMachine.canPlot, KernelMachine.why)) struct ChartTests {
    /// Draws and gives the chart of the only figure.
    private static func draw(_ code: String, _ interpreter: TestInterpreter) async throws -> JSONValue {
        let execution = try await interpreter.execute("import matplotlib.pyplot as plt, datetime\n\(code)\nplt.show()")
        #expect(execution.error == nil, "\(execution.body)")
        let figures = execution.results.filter { $0["png"] != nil }
        try #require(figures.count == 1, "\(execution.body)")
        #expect(figures[0]["is_main_result"] == false && figures[0]["text"]?.stringValue?.hasPrefix("<Figure size") == true)
        return try #require(figures[0]["chart"], "\(execution.body)")
    }

    private static let two: Set<String> = ["type", "title", "elements", "x_label", "y_label", "x_unit", "y_unit"]
    private static let points = two.union(["x_ticks", "x_tick_labels", "x_scale", "y_ticks", "y_tick_labels", "y_scale"])

    private static func keys(_ chart: JSONValue) -> Set<String> { Set(chart.objectValue?.members.map(\.key) ?? []) }

    @Test func `each kind of chart is told as data`() async throws {
        try await TestInterpreter.run { interpreter in
            let line = try await ChartTests.draw(
                "plt.plot([1, 2, 3], [4, float('nan'), 6], label='rise'); plt.axhline(5)\n"
                    + "plt.title('T'); plt.xlabel('Time (s)'); plt.ylabel('Way [m]')", interpreter)
            #expect(ChartTests.keys(line) == ChartTests.points)
            #expect(line["type"] == "line" && line["title"] == "T" && line["x_label"] == "Time (s)" && line["y_label"] == "Way [m]")
            #expect(line["x_unit"] == "s" && line["y_unit"] == "m" && line["x_scale"] == "linear" && line["y_scale"] == "linear")
            #expect(try line["elements"] == json(#"[{"label": "rise", "points": [[1.0, 4.0], [2.0, null], [3.0, 6.0]]}]"#))
            #expect(line["x_ticks"]?.arrayValue?.count == line["x_tick_labels"]?.arrayValue?.count)

            let scatter = try await ChartTests.draw("plt.scatter([1, 10], [3, 4], label='dots'); plt.xscale('log')", interpreter)
            #expect(ChartTests.keys(scatter) == ChartTests.points)
            #expect(scatter["type"] == "scatter" && scatter["title"] == .null && scatter["x_label"] == .null && scatter["x_scale"] == "log")
            #expect(try scatter["elements"] == json(#"[{"label": "dots", "points": [[1.0, 3.0], [10.0, 4.0]]}]"#))

            let bar = try await ChartTests.draw("plt.bar(['a', 'b'], [3, 5], label='sold')", interpreter)
            #expect(ChartTests.keys(bar) == ChartTests.two && bar["type"] == "bar")
            #expect(
                try bar["elements"]
                    == json(#"[{"label": "a", "group": "sold", "value": 3.0}, {"label": "b", "group": "sold", "value": 5.0}]"#))

            let pie = try await ChartTests.draw("plt.pie([90, 10], labels=['No', 'Yes']); plt.title('Early?')", interpreter)
            #expect(
                try pie["elements"]
                    == json(#"[{"label": "No", "angle": 324.0, "radius": 1.0}, {"label": "Yes", "angle": 36.0, "radius": 1.0}]"#))
            #expect(pie["type"] == "pie" && pie["title"] == "Early?" && ChartTests.keys(pie) == ["type", "title", "elements"])

            let box = try await ChartTests.draw("plt.boxplot([[85, 90, 78, 92, 88], [1, 2, 3, 4, 5, 50]], labels=['A', 'B'])", interpreter)
            #expect(ChartTests.keys(box) == ChartTests.two && box["type"] == "box_and_whisker")
            #expect(
                try box["elements"]?[0]
                    == json(
                        #"{"label": "A", "min": 78.0, "first_quartile": 85.0, "median": 88.0, "third_quartile": 90.0, "max": 92.0, "outliers": []}"#
                    ))
            #expect(try box["elements"]?[1]?["outliers"] == json("[50.0]"))
        }
    }

    @Test func `several, dated, named and unknown ones too`() async throws {
        try await TestInterpreter.run { interpreter in
            let several = try await ChartTests.draw(
                "f, (a, b) = plt.subplots(1, 2); a.plot([1, 2]); b.barh(['x'], [2]); a.set_title('left'); f.suptitle('Both')", interpreter)
            #expect(several["type"] == "superchart" && several["title"] == "Both")
            #expect(several["elements"]?[0]?["type"] == "line" && several["elements"]?[0]?["title"] == "left")
            #expect(
                try several["elements"]?[1]?["elements"]?[0]?["label"] == "x"
                    && several["elements"]?[1]?["elements"]?[0]?["value"] == json("2.0"))

            let dated = try await ChartTests.draw("plt.plot([datetime.date(2026, 1, n) for n in (1, 2)], [1, 2])", interpreter)
            #expect(dated["x_scale"] == "datetime" && dated["y_scale"] == "linear")
            #expect(dated["elements"]?[0]?["points"]?[0]?[0]?.stringValue?.hasPrefix("2026-01-01T00:00:00") == true)
            #expect(dated["x_ticks"]?[0]?.stringValue?.contains("T") == true)

            let named = try await ChartTests.draw("plt.plot(['p', 'q'], [1, 2])", interpreter)
            #expect(try named["x_scale"] == "categorical" && named["elements"]?[0]?["points"] == json(#"[["p", 1.0], ["q", 2.0]]"#))

            let grouped = try await ChartTests.draw(
                "plt.bar([-.2, .8], [1, 2], .4, label='m'); plt.bar([.2, 1.2], [3, 4], .4, label='w'); plt.xticks([0, 1], ['G', 'H'])",
                interpreter)
            #expect(grouped["elements"]?.arrayValue?.map { $0["label"] } == ["G", "H", "G", "H"])
            #expect(grouped["elements"]?.arrayValue?.map { $0["group"] } == ["m", "m", "w", "w"])

            let unknown = try await ChartTests.draw("plt.imshow([[1, 2]]); plt.colorbar(); plt.title('Heat')", interpreter)
            #expect(unknown["type"] == "unknown" && unknown["title"] == "Heat" && unknown["elements"] == [])
        }
    }

    @Test func `a table is shown as its columns`() async throws {
        try await TestInterpreter.run { interpreter in
            let execution = try await interpreter.execute(
                """
                import pandas as pd
                pd.DataFrame({"n": [1, 2], "f": [1.5, float("nan")], "s": ["x", None], "t": pd.to_datetime(["2026-01-01", None])})
                """)
            #expect(execution.error == nil, "\(execution.body)")
            let result = try #require(execution.results.first)
            #expect(
                try result["data"] == json(#"{"n": [1, 2], "f": [1.5, null], "s": ["x", null], "t": ["2026-01-01T00:00:00", null]}"#))
            #expect(result["html"]?.stringValue?.contains("<table") == true && result["is_main_result"] == true)
        }
    }
}

/// The value of a JSON text; numbers with fractions have no literal.
private func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

extension JSONValue {
    /// An array's element; `nil` where there is none.
    fileprivate subscript(index: Int) -> JSONValue? { arrayValue.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
}
