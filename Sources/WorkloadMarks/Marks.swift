@_exported import PerjuryMarks

extension Marks {
    package static func begin(_ change: Change) { begin(change.name, change.writes) }

    package static func acknowledge(_ change: Change) { acknowledge(change.name) }

    package static func abort(_ change: Change) { abort(change.name) }

    package static func unknown(_ change: Change) { unknown(change.name) }
}
