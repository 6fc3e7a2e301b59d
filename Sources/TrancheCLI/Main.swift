import Simulation
@main struct Main { static func main() {
  let a = CommandLine.arguments
  let from = UInt64(a[1])!, to = UInt64(a[2])!
  for s in from...to { let w = World(seed: s); if a.count > 3 { w.trace = { print($0) } }
   let v = w.run(); print(s, w.steps, v.isEmpty ? "ok" : "\(v)", w.marks.sorted{$0.key<$1.key}) }
} }
