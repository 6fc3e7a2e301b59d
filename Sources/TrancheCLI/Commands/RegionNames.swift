import ArgumentParser

/// Checks names of regions, which are parts of paths, of configuration keys and of lists.
enum RegionNames {
    static let bytes = 1...32
    static let limit = 64

    static func parse(_ text: String) throws -> [String] {
        let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for name in names {
            guard self.bytes.contains(name.utf8.count), name.first?.isLetter == true,
                name.utf8.allSatisfy({ byte in
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                })
            else {
                throw ValidationError(
                    "--regions: \"\(name)\" is not a region's name; expected a letter, then letters, digits and "
                        + "dashes, at most \(self.bytes.upperBound) in all")
            }
        }
        guard Set(names).count == names.count else {
            throw ValidationError("--regions: \"\(text)\" names a region twice")
        }
        guard names.count <= self.limit else {
            throw ValidationError("--regions has \(names.count) regions, at most \(self.limit) are allowed")
        }
        return names
    }
}
