/// Colours, where somebody sees them.
struct Style {
    var isEnabled: Bool

    func green(_ text: String) -> String { coloured(text, 32) }
    func yellow(_ text: String) -> String { coloured(text, 33) }
    func red(_ text: String) -> String { coloured(text, 31) }

    private func coloured(_ text: String, _ code: Int) -> String { isEnabled ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
