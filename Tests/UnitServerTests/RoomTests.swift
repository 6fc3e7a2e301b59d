import Foundation
import Testing

/// The folders of a unit's server are rooms. No room is used, directly or through others, by a room that it uses.
@Suite("Rooms of the unit") struct RoomTests {
    private struct File {
        let room: String
        let code: String
    }

    private static func files() throws -> [File] {
        let server = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../Units/Server")
        let rooms = try FileManager.default.contentsOfDirectory(atPath: server.path).filter { !$0.contains(".") }
        return try rooms.flatMap { room in
            let folder = server.appending(path: room)
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).map { name in
                let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
                return File(room: room, code: text.replacing(/\/\/[^\n]*/, with: ""))
            }
        }
    }

    /// Types that other files can see, and the room of each.
    private static func types(_ files: [File]) -> [String: String] {
        let declaration =
            /(?:^|\n)(?:package |final )*(?:struct|class|enum|protocol|actor) (\w+)/
        var rooms: [String: String] = [:]
        for file in files {
            for match in file.code.matches(of: declaration) { rooms[String(match.output.1)] = file.room }
        }
        return rooms
    }

    @Test("no room is used by a room that it uses") func arrowsBetweenRoomsGoOneWay() throws {
        let files = try Self.files()
        let types = Self.types(files)
        #expect(types["OrderDesk"] == "Lane" && types["Engine"] == "Engine")
        var uses: [String: Set<String>] = [:]
        for file in files {
            for word in file.code.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
                if let room = types[String(word)], room != file.room { uses[file.room, default: []].insert(room) }
            }
        }
        // A room that can be reached from itself is in a ring.
        for room in uses.keys.sorted() {
            var (reached, next) = (Set<String>(), uses[room] ?? [])
            while let one = next.popFirst() {
                if reached.insert(one).inserted { next.formUnion(uses[one] ?? []) }
            }
            #expect(!reached.contains(room), "\(room) uses \(reached.sorted()), and is used by one of them")
        }
    }
}
