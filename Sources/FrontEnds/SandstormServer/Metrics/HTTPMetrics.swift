package import HTTPTypes
import SandstormCore

/// What the HTTP server did, by route, method and class of status: closed sets all three.
package final class HTTPMetrics: Sendable {
    private struct Key: Hashable, Comparable {
        let route: String
        let method: String
        let status: String

        static func < (left: Key, right: Key) -> Bool {
            (left.route, left.method, left.status) < (right.route, right.method, right.status)
        }
    }

    private struct Series {
        var count = 0
        var sum = Duration.zero
        /// How many took at most the bound of the same index.
        var buckets = [Int](repeating: 0, count: HTTPMetrics.bounds.count)
    }

    private struct State {
        var active = 0
        var series: [Key: Series] = [:]
    }

    /// Upper bounds of the histogram's buckets. Requests last from a cached answer to a run of a day.
    private static let bounds: [(label: String, duration: Duration)] = [
        ("0.001", .milliseconds(1)), ("0.005", .milliseconds(5)), ("0.01", .milliseconds(10)), ("0.025", .milliseconds(25)),
        ("0.05", .milliseconds(50)), ("0.1", .milliseconds(100)), ("0.25", .milliseconds(250)), ("0.5", .milliseconds(500)),
        ("1", .seconds(1)), ("2.5", .milliseconds(2500)), ("5", .seconds(5)), ("10", .seconds(10)), ("60", .seconds(60)),
        ("600", .seconds(600)), ("3600", .seconds(3600)),
    ]
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    private let state = Locked(State())

    package func began() { state.withLock { $0.active += 1 } }

    /// A request was answered to its end, or its client left.
    package func ended(route: String, method: HTTPRequest.Method, status: Int, duration: Duration) {
        let key = Key(
            route: route, method: HTTPMetrics.methods.contains(method.rawValue) ? method.rawValue : "other",
            status: "\(status / 100)xx")
        state.withLock { state in
            state.active -= 1
            var series = state.series[key] ?? Series()
            series.count += 1
            series.sum += duration
            for (index, bound) in HTTPMetrics.bounds.enumerated() where duration <= bound.duration { series.buckets[index] += 1 }
            state.series[key] = series
        }
    }

    /// The numbers in Prometheus' text format.
    package func prometheusText(connections: Int) -> String {
        let (active, series) = state.withLock { ($0.active, $0.series) }
        var text = """
            # HELP sandstorm_http_connections Open connections.
            # TYPE sandstorm_http_connections gauge
            sandstorm_http_connections \(connections)
            # HELP sandstorm_http_active_requests Requests that are being answered.
            # TYPE sandstorm_http_active_requests gauge
            sandstorm_http_active_requests \(active)
            # HELP sandstorm_http_requests_total Requests that were answered.
            # TYPE sandstorm_http_requests_total counter

            """
        let sorted = series.sorted { $0.key < $1.key }
        for (key, series) in sorted { text += "sandstorm_http_requests_total{\(HTTPMetrics.labels(key))} \(series.count)\n" }
        text += """
            # HELP sandstorm_http_request_duration_seconds Time from a request's head to the end of its response.
            # TYPE sandstorm_http_request_duration_seconds histogram

            """
        for (key, series) in sorted {
            let labels = HTTPMetrics.labels(key)
            for (index, bound) in HTTPMetrics.bounds.enumerated() {
                text += "sandstorm_http_request_duration_seconds_bucket{\(labels),le=\"\(bound.label)\"} \(series.buckets[index])\n"
            }
            text += "sandstorm_http_request_duration_seconds_bucket{\(labels),le=\"+Inf\"} \(series.count)\n"
            text += "sandstorm_http_request_duration_seconds_sum{\(labels)} \(series.sum.inSeconds)\n"
            text += "sandstorm_http_request_duration_seconds_count{\(labels)} \(series.count)\n"
        }
        return text
    }

    private static func labels(_ key: Key) -> String { "route=\"\(key.route)\",method=\"\(key.method)\",status=\"\(key.status)\"" }
}
