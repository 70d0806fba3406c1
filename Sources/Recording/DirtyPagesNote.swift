extension Recording {
    /// Key of the note that says whether dirty pages of shared mappings were looked for.
    package static let dirtyPagesNote = "dirty pages"

    /// Value of that note where each look has seen all.
    package static let dirtyPagesSeen = Array("seen".utf8)
}
