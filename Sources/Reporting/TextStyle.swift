/// How a text report looks.
package struct TextStyle: Sendable {
    /// Columns; lines of prose are broken before it.
    package var width: Int
    /// Whether rows of tables that are wider are folded, for a terminal. Programs want one line for each.
    package var foldsTables: Bool
    /// Only for a terminal.
    package var hasColours: Bool
    /// Without times, equal runs give equal bytes.
    package var hasTimes: Bool

    package init(
        width: Int = 100, foldsTables: Bool = false, hasColours: Bool = false,
        hasTimes: Bool = true
    ) {
        self.width = max(40, width)
        self.foldsTables = foldsTables
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
package func counted(_ number: Int, _ noun: String) -> String {
    "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
}

/// Tenths of a second.
func seconds(_ value: Double) -> String {
    let tenths = Int((max(0, min(value, 1e9)) * 10).rounded())
    return "\(grouped(tenths / 10)).\(tenths % 10) s"
}

/// Columns of text, as wide as their widest cell. Where they do not fit side by side, each row is folded at the same column.
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
        let lines = lines(widths, style.foldsTables ? style.width : .max)
        var result = ""
        for row in rows {
            for (number, columns) in lines.enumerated()
            where number == 0 || columns.contains(where: { !row[$0].text.isEmpty }) {
                result += number == 0 ? "" : Self.margin
                result += line(row, columns, widths, style) + "\n"
            }
        }
        return result
    }

    private static let gap = "  "
    /// Before what is folded.
    private static let margin = "    "

    /// Which columns stand on one line; each has one at least.
    private func lines(_ widths: [Int], _ width: Int) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var first = 0
        var used = 0
        for column in widths.indices {
            let margin = lines.isEmpty ? 0 : Self.margin.count
            let more = (column == first ? 0 : Self.gap.count) + widths[column]
            if column > first, margin + used + more > width {
                lines.append(first..<column)
                first = column
                used = widths[column]
            } else {
                used += more
            }
        }
        return lines + [first..<widths.count]
    }

    private func line(
        _ row: [Cell], _ columns: Range<Int>, _ widths: [Int], _ style: TextStyle
    ) -> String {
        var line = ""
        var pending = ""
        for column in columns {
            let cell = row[column]
            let space = String(repeating: " ", count: widths[column] - cell.text.count)
            if column > columns.lowerBound { pending += Self.gap }
            if alignsRight[column] { pending += space }
            if !cell.text.isEmpty {
                line += pending + style.coloured(cell.text, cell.colour)
                pending = ""
            }
            if !alignsRight[column] { pending += space }
        }
        return line
    }
}
