/// How a text report looks.
package struct TextStyle: Sendable {
    /// Columns; lines of prose are broken before it, tables take what they need.
    package var width: Int
    /// Only for a terminal.
    package var hasColours: Bool
    /// Without times, equal runs give equal bytes.
    package var hasTimes: Bool

    package init(width: Int = 100, hasColours: Bool = false, hasTimes: Bool = true) {
        self.width = max(40, width)
        self.hasColours = hasColours
        self.hasTimes = hasTimes
    }

    enum Colour: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case bold = "1"
        case faint = "2"
        case redAndBold = "1;31"
    }

    func coloured(_ text: String, _ colour: Colour?) -> String {
        guard hasColours, let colour, !text.isEmpty else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    /// Breaks at spaces. The first line starts with `first`, the others with as many spaces.
    func wrapped(_ text: String, first: String, _ colour: Colour? = nil) -> String {
        let margin = String(repeating: " ", count: first.count)
        var result = coloured(first, colour)
        var column = first.count
        var isFirst = true
        for word in text.split(separator: " ") {
            if !isFirst && column + 1 + word.count > width {
                result += "\n" + margin
                column = margin.count
            } else if !isFirst {
                result += " "
                column += 1
            }
            result += word
            column += word.count
            isFirst = false
        }
        return result + "\n"
    }
}

/// Digits in groups of three: `1,204`.
package func grouped(_ number: Int) -> String {
    var result = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
        if index > 0 && index % 3 == 0 { result.append(",") }
        result.append(digit)
    }
    return (number < 0 ? "-" : "") + String(result.reversed())
}

/// `1 state`, `2 states`.
func counted(_ number: Int, _ noun: String) -> String {
    "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
}

/// Tenths of a second.
func seconds(_ value: Double) -> String {
    let tenths = Int((max(0, min(value, 1e9)) * 10).rounded())
    return "\(grouped(tenths / 10)).\(tenths % 10) s"
}

/// Columns of text, as wide as their widest cell.
struct Table {
    struct Cell {
        var text: String
        var colour: TextStyle.Colour?

        init(_ text: String, _ colour: TextStyle.Colour? = nil) {
            self.text = text
            self.colour = colour
        }
    }

    /// One for each column: whether its cells end at the same place.
    let alignsRight: [Bool]
    private(set) var rows: [[Cell]] = []

    init(alignsRight: [Bool]) {
        self.alignsRight = alignsRight
    }

    mutating func add(_ row: [Cell]) {
        precondition(row.count == alignsRight.count, "a row has a cell for each column")
        rows.append(row)
    }

    func text(_ style: TextStyle) -> String {
        let widths = alignsRight.indices.map { column in
            rows.map { $0[column].text.count }.max() ?? 0
        }
        var result = ""
        for row in rows {
            var line = ""
            var pending = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.text.count)
                let coloured = style.coloured(cell.text, cell.colour)
                if column > 0 { pending += "  " }
                if alignsRight[column] { pending += space }
                if !cell.text.isEmpty {
                    line += pending + coloured
                    pending = ""
                }
                if !alignsRight[column] { pending += space }
            }
            result += line + "\n"
        }
        return result
    }
}
