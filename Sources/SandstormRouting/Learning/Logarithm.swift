/// Logarithms without Foundation, and without a platform's own rounding: the same on every machine.
enum Logarithm {
    /// Of a positive number, to about twelve digits.
    static func natural(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return -745 }
        // value = m × 2^e with m in √½ … √2; then ln m by the series of its area tangent.
        var exponent = Double(value.exponent)
        var mantissa = value.significand
        if mantissa > 1.414_213_562_373_095 {
            mantissa /= 2
            exponent += 1
        }
        let ratio = (mantissa - 1) / (mantissa + 1)
        let square = ratio * ratio
        var term = ratio
        var sum = 0.0
        for divisor in stride(from: 1.0, through: 17, by: 2) {
            sum += term / divisor
            term *= square
        }
        return 2 * sum + exponent * 0.693_147_180_559_945_3
    }

    /// e to the power of a number.
    static func exponential(_ value: Double) -> Double {
        guard value > -700 else { return 0 }
        guard value < 700 else { return .infinity }
        let whole = (value / 0.693_147_180_559_945_3).rounded()
        let rest = value - whole * 0.693_147_180_559_945_3
        var term = 1.0
        var sum = 1.0
        for divisor in 1...14 {
            term *= rest / Double(divisor)
            sum += term
        }
        return sum * Double(sign: .plus, exponent: Int(whole), significand: 1)
    }

    /// The binary logarithm of `value` + 1 in 2⁻¹⁶ths, from whole numbers alone: what amounts of money are compared by.
    static func binary(_ value: Int64) -> Int64 {
        let number = UInt64(max(0, value)) + 1
        let exponent = 63 - number.leadingZeroBitCount
        // The next sixteen binary digits come one by one from squaring.
        var mantissa = exponent > 31 ? number >> UInt64(exponent - 31) : number << UInt64(31 - exponent)
        var result = Int64(exponent)
        for _ in 0..<16 {
            mantissa = mantissa * mantissa >> 31
            result <<= 1
            if mantissa >= 1 << 32 {
                mantissa >>= 1
                result |= 1
            }
        }
        return result
    }
}
